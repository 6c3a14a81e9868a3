//! The page's files, all of them in memory, each in the forms in which it is sent.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    header::{self, HeaderMap, HeaderName, HeaderValue},
};

use crate::http::Answer;

/// The page as it is served.
#[derive(Debug)]
pub struct Page {
    files: HashMap<String, File>,
}

#[derive(Debug)]
struct File {
    content_type: HeaderValue,
    etag: HeaderValue,
    /// Whether a file of this name never changes.
    hashed: bool,
    plain: Bytes,
    brotli: Option<Bytes>,
    /// Browsers do not take brotli over plain http, and that is what most boxes speak.
    gzip: Option<Bytes>,
}

/// How a viewer learns that the page passes the stream on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sharing {
    /// The page says so, and has a switch.
    #[default]
    Said,
    /// The page asks first.
    Asked,
}

/// Why there is no page to serve.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// Nobody has built it, or it is elsewhere.
    #[error("there is no page in {0}: build it with `make build`, or give its place with --page")]
    NotBuilt(PathBuf),
    /// The system refused something.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Page {
    /// Reads the page that viewers see first, `index.html`, or the one that asks them
    /// before it shares anything, `ask.html`; and `assets/` with files that have a hash of
    /// their contents in their names; beside each, as a rule, `.br` and `.gz` with the same
    /// compressed.
    ///
    /// # Errors
    /// If there is no such page, or anything cannot be read.
    pub fn load(dir: &Path, sharing: Sharing) -> Result<Self, PageError> {
        let index = dir.join(match sharing {
            Sharing::Said => "index.html",
            Sharing::Asked => "ask.html",
        });
        if !index.is_file() {
            return Err(PageError::NotBuilt(dir.to_owned()));
        }
        let mut files = HashMap::from([("/".to_owned(), File::load(&index, false)?)]);
        let assets = dir.join("assets");
        for entry in fs::read_dir(&assets).map_err(failed(&assets))? {
            let path = entry.map_err(failed(&assets))?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if let Some(name) = name.filter(|_| !is_compressed(&path)) {
                files.insert(format!("/assets/{name}"), File::load(&path, true)?);
            }
        }
        Ok(Self { files })
    }

    /// The file of this path, in the best form that the headers allow.
    pub(crate) fn answer(&self, path: &str, headers: &HeaderMap) -> Option<Answer> {
        let file = self.files.get(path)?;
        let mut answer = Response::new(Full::default());
        let (encoding, body) = file.form(headers);
        let described = answer.headers_mut();
        described.insert(header::ETAG, file.etag.clone());
        described.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static(file.caching()),
        );
        described.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        let nosniff = HeaderValue::from_static("nosniff");
        described.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
        // What a page may do says the page; on everything else it would be paid for and not
        // read.
        if !file.hashed {
            for (name, value) in PROTECTION {
                described.insert(name, HeaderValue::from_static(value));
            }
        }
        if file.is_held(headers) {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
            return Some(answer);
        }
        described.insert(header::CONTENT_TYPE, file.content_type.clone());
        if let Some(encoding) = encoding {
            let encoding = HeaderValue::from_static(encoding);
            described.insert(header::CONTENT_ENCODING, encoding);
        }
        *answer.body_mut() = Full::new(body.clone());
        Some(answer)
    }
}

impl File {
    fn load(path: &Path, hashed: bool) -> Result<Self, PageError> {
        let plain = fs::read(path).map_err(failed(path))?;
        // Weak, because the compressed forms go by the same one.
        let etag = format!("W/\"{}\"", &blake3::hash(&plain).to_hex()[..16]);
        Ok(Self {
            content_type: HeaderValue::from_static(content_type(path)),
            // Hexadecimal digits always fit.
            etag: HeaderValue::from_str(&etag).unwrap_or(HeaderValue::from_static("W/\"\"")),
            hashed,
            brotli: beside(path, "br")?,
            gzip: beside(path, "gz")?,
            plain: plain.into(),
        })
    }

    fn form(&self, headers: &HeaderMap) -> (Option<&'static str>, &Bytes) {
        let brotli = self.brotli.as_ref().map(|body| ("br", body));
        let gzip = self.gzip.as_ref().map(|body| ("gzip", body));
        let accepted = [brotli, gzip]
            .into_iter()
            .flatten()
            .find(|(encoding, _)| accepts(headers, encoding));
        match accepted {
            Some((encoding, body)) => (Some(encoding), body),
            None => (None, &self.plain),
        }
    }

    fn caching(&self) -> &'static str {
        if self.hashed {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        }
    }

    /// Whether the visitor holds it already.
    fn is_held(&self, headers: &HeaderMap) -> bool {
        headers
            .get(header::IF_NONE_MATCH)
            .is_some_and(|held| *held == self.etag)
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> PageError + '_ {
    |source| PageError::Read {
        path: path.to_owned(),
        source,
    }
}

/// The compressed form beside a file, if there is one.
fn beside(path: &Path, suffix: &str) -> Result<Option<Bytes>, PageError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    match fs::read(&name) {
        Ok(bytes) => Ok(Some(bytes.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(Path::new(&name))(error)),
    }
}

fn is_compressed(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "br" || extension == "gz")
}

/// Whether the visitor takes this encoding (RFC 9110, section 12.5.3; of weights, only 0
/// makes a difference here).
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|entry| {
            let (name, parameters) = entry.split_once(';').unwrap_or((entry, ""));
            let weight = parameters.trim().strip_prefix("q=");
            let never = weight.is_some_and(|weight| weight.parse() == Ok(0.0));
            name.trim().eq_ignore_ascii_case(encoding) && !never
        })
}

fn content_type(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension.unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// What the page may do: run its own code, talk to the box that it came from, play what it
/// has put together itself. Who embeds it is not restricted: embedding is what it is for.
const PROTECTION: [(HeaderName, &str); 2] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
         connect-src 'self'; media-src 'self' blob: mediastream:; img-src 'self' data:; \
         font-src 'self'; worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; \
         form-action 'none'",
    ),
    (header::REFERRER_POLICY, "no-referrer"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        page_with(Sharing::Said)
    }

    fn page_with(sharing: Sharing) -> Page {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let put = |name: &str, contents: &[u8]| {
            fs::write(dir.path().join(name), contents).expect("it can be written");
        };
        fs::create_dir(dir.path().join("assets")).expect("it can be made");
        put("index.html", "<!doctype html>".repeat(100).as_bytes());
        put("ask.html", b"<!doctype html><body data-ask>");
        put("assets/app-1a2b.js", "let a = 1;".repeat(100).as_bytes());
        put("assets/app-1a2b.js.br", b"brotli");
        put("assets/app-1a2b.js.gz", b"gzip");
        put("secret", b"secret");
        Page::load(dir.path(), sharing).expect("a page")
    }

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_smallest_form_is_sent_that_the_browser_takes() {
        let page = page();
        for (accepted, encoding) in [
            ("gzip, deflate, br", Some("br")),
            ("gzip, deflate", Some("gzip")),
            ("br;q=0, gzip;q=0.5", Some("gzip")),
            ("identity", None),
        ] {
            let accepted = headers(header::ACCEPT_ENCODING, accepted);
            let answer = page.answer("/assets/app-1a2b.js", &accepted).unwrap();
            let sent = answer.headers().get(header::CONTENT_ENCODING);
            assert_eq!(sent.map(|sent| sent.to_str().unwrap()), encoding);
        }
    }

    #[test]
    fn what_has_a_hash_in_its_name_is_kept_and_the_page_is_asked_for() {
        let page = page();
        let caching = |path| {
            let answer = page.answer(path, &HeaderMap::new()).unwrap();
            answer.headers()[header::CACHE_CONTROL].clone()
        };
        assert_eq!(caching("/"), "no-cache");
        assert!(
            caching("/assets/app-1a2b.js")
                .to_str()
                .unwrap()
                .contains("immutable")
        );
    }

    #[test]
    fn a_page_that_is_held_is_not_sent_again() {
        let page = page();
        let first = page.answer("/", &HeaderMap::new()).unwrap();
        let etag = first.headers()[header::ETAG].clone();
        let held = HeaderMap::from_iter([(header::IF_NONE_MATCH, etag)]);
        let status = page.answer("/", &held).unwrap().status();
        assert_eq!(status, StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn the_page_that_asks_stands_in_the_same_place() {
        let page = page_with(Sharing::Asked);
        let answer = page.answer("/", &HeaderMap::new()).unwrap();
        let index = page_with(Sharing::Said);
        let other = index.answer("/", &HeaderMap::new()).unwrap();
        // A browser that holds the one must not take it for the other.
        assert_ne!(
            answer.headers()[header::ETAG],
            other.headers()[header::ETAG]
        );
        assert!(page.answer("/ask.html", &HeaderMap::new()).is_none());
    }

    #[test]
    fn nothing_else_is_served() {
        let page = page();
        for path in [
            "/secret",
            "/assets/app-1a2b.js.br",
            "/assets/../secret",
            "/assets/",
            "//",
            "",
        ] {
            assert!(page.answer(path, &HeaderMap::new()).is_none(), "{path}");
        }
    }

    #[test]
    fn a_page_that_is_not_built_says_how_to_build_it() {
        let dir = tempfile::tempdir().unwrap();
        let error = Page::load(dir.path(), Sharing::Said)
            .unwrap_err()
            .to_string();
        assert!(error.contains("make build"), "{error}");
    }
}
