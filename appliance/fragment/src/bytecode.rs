//! Reading and writing the fields that all records are made of.

use bytes::{BufMut, BytesMut};

use crate::Malformed;

/// Reads fields off the front of a record, and remembers how far it has come.
pub(crate) struct Reader<'a> {
    record: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(record: &'a [u8]) -> Self {
        Self {
            record,
            position: 0,
        }
    }

    /// How many bytes have been read.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let rest = self.record.get(self.position..).unwrap_or_default();
        let field = rest.get(..len).ok_or(Malformed::Truncated)?;
        self.position += len;
        Ok(field)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let field = self.take(N)?;
        field.try_into().map_err(|_| Malformed::Truncated)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let group = u64::from(byte & 0x7f);
            if (group << shift) >> shift != group {
                return Err(Malformed::Varint);
            }
            value |= group << shift;
            if byte & 0x80 == 0 {
                // A last byte of 0 adds nothing: the same number has a shorter form.
                return if byte == 0 && shift > 0 {
                    Err(Malformed::Varint)
                } else {
                    Ok(value)
                };
            }
        }
        Err(Malformed::Varint)
    }

    pub(crate) fn varint_u32(&mut self) -> Result<u32, Malformed> {
        self.varint()?.try_into().map_err(|_| Malformed::Varint)
    }

    pub(crate) fn varint_u16(&mut self) -> Result<u16, Malformed> {
        self.varint()?.try_into().map_err(|_| Malformed::Varint)
    }

    /// Holds the record to ending here.
    pub(crate) fn end(self) -> Result<(), Malformed> {
        if self.position == self.record.len() {
            Ok(())
        } else {
            Err(Malformed::Trailing)
        }
    }
}

pub(crate) fn put_varint(out: &mut BytesMut, value: impl Into<u64>) {
    let mut value = value.into();
    while value >= 0x80 {
        out.put_u8((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.put_u8(value as u8);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: u64) -> BytesMut {
        let mut out = BytesMut::new();
        put_varint(&mut out, value);
        out
    }

    #[test]
    fn varints_have_the_documented_bytes() {
        assert_eq!(&written(0)[..], [0]);
        assert_eq!(&written(127)[..], [0x7f]);
        assert_eq!(&written(300)[..], [0xac, 0x02]);
        assert_eq!(written(u64::MAX).len(), 10);
    }

    #[test]
    fn longer_forms_are_refused() {
        for bytes in [&[0x80, 0x00][..], &[0xff, 0x80, 0x00]] {
            assert_eq!(Reader::new(bytes).varint(), Err(Malformed::Varint));
        }
    }

    #[test]
    fn integers_beyond_their_field_are_refused() {
        let eleven = [0xff; 11];
        assert_eq!(Reader::new(&eleven).varint(), Err(Malformed::Varint));
        let mut above = [0xff; 10];
        above[9] = 0x02;
        assert_eq!(Reader::new(&above).varint(), Err(Malformed::Varint));
        assert_eq!(
            Reader::new(&written(1 << 32)).varint_u32(),
            Err(Malformed::Varint)
        );
        assert_eq!(
            Reader::new(&written(1 << 16)).varint_u16(),
            Err(Malformed::Varint)
        );
    }

    #[test]
    fn an_unfinished_integer_is_truncated() {
        assert_eq!(Reader::new(&[0x80]).varint(), Err(Malformed::Truncated));
    }

    proptest! {
        #[test]
        fn varints_round_trip(value: u64) {
            let bytes = written(value);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.varint(), Ok(value));
            prop_assert_eq!(reader.end(), Ok(()));
        }

        #[test]
        fn whatever_is_accepted_is_the_shortest_form(bytes: [u8; 12]) {
            let mut reader = Reader::new(&bytes);
            if let Ok(value) = reader.varint() {
                prop_assert_eq!(&written(value)[..], &bytes[..reader.position()]);
            }
        }
    }
}
