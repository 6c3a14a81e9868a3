//! As much of AAC as a packager must know: how fast its frames go by, and what silence
//! looks like.

use crate::BadTrack;

/// An AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    /// The codec as RFC 6381 writes it.
    pub(crate) codec: String,
    /// The core's sampling rate in Hz; times are counted in it.
    pub(crate) rate: u32,
    /// Samples a frame, at that rate.
    pub(crate) frame: u32,
    /// A frame of silence, for the configurations that have a plain one.
    pub(crate) silence: Option<&'static [u8]>,
}

impl Config {
    pub(crate) fn parse(asc: &[u8]) -> Result<Self, BadTrack> {
        let mut bits = Bits { bytes: asc, at: 0 };
        let object = bits.object_type()?;
        let rate = bits.rate()?;
        let channels = bits.take(4)?;
        let core = match object {
            LC => LC,
            // Spectral band replication (HE-AAC), with parametric stereo or without: the
            // rate of the output and the type of the core follow.
            SBR | PS => {
                bits.rate()?;
                bits.object_type()?
            }
            other => return Err(BadTrack::ObjectType(other)),
        };
        if core != LC {
            return Err(BadTrack::ObjectType(core));
        }
        let frame = if bits.take(1)? == 1 { 960 } else { 1024 };
        let silence = match (object, channels) {
            (LC, 1) => Some(&SILENT_MONO[..]),
            (LC, 2) => Some(&SILENT_STEREO[..]),
            _ => None,
        };
        Ok(Self {
            codec: format!("mp4a.40.{object}"),
            rate,
            frame,
            silence,
        })
    }
}

/// AAC-LC, 48 kHz, stereo.
pub(crate) const ASC_48K_STEREO: [u8; 2] = [0x11, 0x90];

const LC: u8 = 2;
const SBR: u8 = 5;
const PS: u8 = 29;

/// One channel element without spectral data: nothing in it depends on the rate.
const SILENT_MONO: [u8; 4] = [0x01, 0x18, 0x20, 0x07];
/// The same for a pair of channels that share their window.
const SILENT_STEREO: [u8; 6] = [0x21, 0x10, 0x04, 0x60, 0x8c, 0x1c];

/// ISO/IEC 14496-3, table 1.18.
const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> Result<u32, BadTrack> {
        (0..count).try_fold(0, |value, _| {
            let byte = self.bytes.get(self.at / 8).ok_or(BadTrack::Asc)?;
            let bit = byte >> (7 - self.at % 8) & 1;
            self.at += 1;
            Ok(value << 1 | u32::from(bit))
        })
    }

    fn object_type(&mut self) -> Result<u8, BadTrack> {
        const ESCAPE: u32 = 31;
        let object = match self.take(5)? {
            ESCAPE => 32 + self.take(6)?,
            object => object,
        };
        u8::try_from(object).map_err(|_| BadTrack::Asc)
    }

    fn rate(&mut self) -> Result<u32, BadTrack> {
        const ESCAPE: u32 = 15;
        let rate = match self.take(4)? {
            ESCAPE => self.take(24)?,
            index => RATES.get(index as usize).copied().unwrap_or(0),
        };
        // Outside of what the table spans, a frame would last next to nothing or for ever.
        (7_350..=96_000)
            .contains(&rate)
            .then_some(rate)
            .ok_or(BadTrack::Asc)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_aac_is_read() {
        let config = Config::parse(&ASC_48K_STEREO).unwrap();
        assert_eq!(
            (config.codec.as_str(), config.rate, config.frame),
            ("mp4a.40.2", 48_000, 1024)
        );
        let config = Config::parse(&[0x12, 0x08]).unwrap();
        assert_eq!(
            (config.rate, config.silence),
            (44_100, Some(&SILENT_MONO[..]))
        );
    }

    #[test]
    fn high_efficiency_counts_in_the_rate_of_its_core() {
        // Object type 5, core 24 kHz, two channels, output 48 kHz, core type 2.
        let config = Config::parse(&[0x2b, 0x11, 0x88, 0x00]).unwrap();
        assert_eq!((config.codec.as_str(), config.rate), ("mp4a.40.5", 24_000));
        assert_eq!(config.silence, None);
    }

    #[test]
    fn other_codecs_are_refused_by_name() {
        // Object type 1 (Main), 48 kHz, stereo.
        assert_eq!(Config::parse(&[0x09, 0x90]), Err(BadTrack::ObjectType(1)));
        assert_eq!(Config::parse(&[0x11]), Err(BadTrack::Asc));
        // A rate written out as 1 Hz.
        assert_eq!(
            Config::parse(&[0x17, 0x80, 0x00, 0x00, 0x90, 0x00]),
            Err(BadTrack::Asc)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(asc: Vec<u8>) {
            if let Ok(config) = Config::parse(&asc) {
                prop_assert!(config.rate >= 7_350);
            }
        }
    }
}
