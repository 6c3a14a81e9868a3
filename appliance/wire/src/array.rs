//! An array of bytes, encoded as serde encodes it (a tuple), by loops: what serde derives
//! is unrolled, and a page that is paid for by the byte would have each array twice.

use core::fmt;

use serde::{
    Deserializer, Serializer,
    de::{Error, SeqAccess, Visitor},
    ser::SerializeTuple,
};

pub(crate) fn serialize<S: Serializer, const N: usize>(
    bytes: &[u8; N],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut tuple = serializer.serialize_tuple(N)?;
    for byte in bytes {
        tuple.serialize_element(byte)?;
    }
    tuple.end()
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
    deserializer: D,
) -> Result<[u8; N], D::Error> {
    deserializer.deserialize_tuple(N, Array)
}

struct Array<const N: usize>;

impl<'de, const N: usize> Visitor<'de> for Array<N> {
    type Value = [u8; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut bytes = [0; N];
        for (number, byte) in bytes.iter_mut().enumerate() {
            *byte = elements
                .next_element()?
                .ok_or_else(|| Error::invalid_length(number, &self))?;
        }
        Ok(bytes)
    }
}
