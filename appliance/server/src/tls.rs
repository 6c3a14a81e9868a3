use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio_rustls::TlsAcceptor;

/// What the box shows over https: a certificate chain and its key, both PEM.
#[derive(Clone)]
pub struct Certificate {
    /// The box's own certificate first.
    pub chain: String,
    /// Its private key.
    pub key: String,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file is not there, or may not be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("the {0} for https is not PEM, or not one")]
    NotPem(&'static str),
    /// The two do not go together, or are of a kind that nobody speaks any more.
    #[error("the certificate for https cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// No certificate could be made.
    #[error("cannot make a certificate for https: {0}")]
    Make(#[from] rcgen::Error),
}

impl Certificate {
    /// Reads a certificate that someone has given.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn load(chain: &Path, key: &Path) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            fs::read_to_string(path).map_err(|source| TlsError::Read {
                path: path.to_owned(),
                source,
            })
        };
        Ok(Self {
            chain: read(chain)?,
            key: read(key)?,
        })
    }

    /// Makes one that is signed by nobody but itself, for a box that goes by these names
    /// and addresses.
    ///
    /// # Errors
    /// If a name is no name.
    pub fn own(names: Vec<String>) -> Result<Self, TlsError> {
        let made = rcgen::generate_simple_self_signed(names)?;
        Ok(Self {
            chain: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
        })
    }

    pub(crate) fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(self.chain.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(|_| TlsError::NotPem("certificate"))?;
        if chain.is_empty() {
            return Err(TlsError::NotPem("certificate"));
        }
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes())
            .map_err(|_| TlsError::NotPem("key"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        // What WebSockets are made for, and all that the page needs.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_own_certificate_can_be_used() {
        let own = Certificate::own(vec!["localhost".into(), "192.168.1.2".into()]).unwrap();
        assert!(own.acceptor().is_ok());
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let own = |name: &str| Certificate::own(vec![name.into()]).unwrap();
        let (one, other) = (own("one"), own("other"));
        let mixed = Certificate {
            chain: one.chain,
            key: other.key,
        };
        assert!(matches!(mixed.acceptor(), Err(TlsError::Unusable(_))));
        let empty = Certificate {
            chain: String::new(),
            key: mixed.key,
        };
        assert!(matches!(empty.acceptor(), Err(TlsError::NotPem(_))));
    }
}
