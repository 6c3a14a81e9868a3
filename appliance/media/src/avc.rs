//! As much of H.264 as a packager must know: the decoder configuration record, and where
//! one NAL unit ends and the next begins.

use mp4_atom::{Atom, Avcc};

use crate::BadTrack;

/// An AVCDecoderConfigurationRecord.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    /// The box that goes into the init segment.
    pub(crate) avcc: Avcc,
    /// The codec as RFC 6381 writes it.
    pub(crate) codec: String,
}

impl Config {
    pub(crate) fn parse(record: &[u8]) -> Result<Self, BadTrack> {
        let avcc = Avcc::decode_body(&mut &*record).map_err(|_| BadTrack::Avcc)?;
        let whole = |set: &Vec<u8>| set.len() > 1;
        let complete = !avcc.sequence_parameter_sets.is_empty()
            && !avcc.picture_parameter_sets.is_empty()
            && avcc.sequence_parameter_sets.iter().all(whole)
            && avcc.picture_parameter_sets.iter().all(whole)
            // Three is the one value that the two bits can hold but may not.
            && avcc.length_size != 3;
        if !complete {
            return Err(BadTrack::Avcc);
        }
        let codec = format!(
            "avc1.{:02X}{:02X}{:02X}",
            avcc.avc_profile_indication, avcc.profile_compatibility, avcc.avc_level_indication
        );
        Ok(Self { avcc, codec })
    }

    /// Whether `unit` holds an IDR picture; `None` if it is not a row of length-prefixed
    /// NAL units.
    pub(crate) fn is_key(&self, unit: &[u8]) -> Option<bool> {
        let prefix = usize::from(self.avcc.length_size);
        let mut rest = unit;
        let mut key = false;
        while !rest.is_empty() {
            let (length, body) = rest.split_at_checked(prefix)?;
            let length = length
                .iter()
                .fold(0_usize, |length, &byte| length << 8 | usize::from(byte));
            let (nal, after) = body.split_at_checked(length)?;
            key |= nal.first().is_some_and(|&head| kind(head) == IDR);
            rest = after;
        }
        (!unit.is_empty()).then_some(key)
    }
}

/// The NAL units of a byte stream (H.264, annex B).
pub(crate) fn byte_stream(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(stream);
    core::iter::from_fn(move || {
        let from = rest?;
        let end = (0..from.len())
            .find(|&at| from[at..].starts_with(&[0, 0, 1]))
            .unwrap_or(from.len());
        rest = after_start_code(&from[end..]);
        // Zeros before a start code belong to it, or pad.
        let nal = &from[..end];
        let len = nal
            .iter()
            .rposition(|&byte| byte != 0)
            .map_or(0, |last| last + 1);
        Some(&nal[..len])
    })
}

fn after_start_code(stream: &[u8]) -> Option<&[u8]> {
    let at = stream.windows(3).position(|window| window == [0, 0, 1])?;
    stream.get(at + 3..)
}

/// The type of the NAL unit that begins with this byte.
pub(crate) fn kind(head: u8) -> u8 {
    head & 0x1f
}

pub(crate) const SLICE: u8 = 1;
pub(crate) const IDR: u8 = 5;
pub(crate) const SPS: u8 = 7;
pub(crate) const PPS: u8 = 8;
pub(crate) const DELIMITER: u8 = 9;

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: [u8; 19] = [
        1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0, 5, 0x67, 0x42, 0xc0, 0x1f, 0xda, 1, 0, 2, 0x68, 0xce, 0,
    ];

    fn config() -> Config {
        Config::parse(&RECORD[..18]).unwrap()
    }

    #[test]
    fn the_codec_is_written_as_in_rfc_6381() {
        assert_eq!(config().codec, "avc1.42C01F");
    }

    #[test]
    fn a_cut_or_empty_record_is_refused() {
        for len in 0..18 {
            assert_eq!(
                Config::parse(&RECORD[..len]),
                Err(BadTrack::Avcc),
                "{len} bytes"
            );
        }
        let without_sets = [1, 0x42, 0xc0, 0x1f, 0xff, 0xe0, 0];
        assert_eq!(Config::parse(&without_sets), Err(BadTrack::Avcc));
    }

    #[test]
    fn only_an_idr_picture_is_a_key() {
        let config = config();
        assert_eq!(
            config.is_key(&[0, 0, 0, 2, 0x06, 1, 0, 0, 0, 1, 0x65]),
            Some(true)
        );
        assert_eq!(config.is_key(&[0, 0, 0, 1, 0x41]), Some(false));
    }

    #[test]
    fn lengths_that_do_not_add_up_are_noticed() {
        let config = config();
        for unit in [&[][..], &[0, 0, 0], &[0, 0, 0, 2, 0x65], &[0xff; 8]] {
            assert_eq!(config.is_key(unit), None, "{unit:?}");
        }
    }

    #[test]
    fn a_byte_stream_falls_into_its_nal_units() {
        let stream = [
            0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x67, 1, 2, 0, 0, 0, 1, 0x65, 3,
        ];
        let nals: Vec<_> = byte_stream(&stream).collect();
        assert_eq!(nals, [&[9, 0xf0][..], &[0x67, 1, 2], &[0x65, 3]]);
        assert_eq!(byte_stream(&[1, 2, 3]).count(), 0);
    }
}
