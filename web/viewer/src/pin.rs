//! The stream's identity key in the page's address: `#key=` and 64 hexadecimal digits or
//! the 43 characters of unpadded base64url. Who follows such a link is shown that stream
//! or none.

/// The key that an address' fragment pins, `None` without one.
///
/// # Errors
/// If there is one that is none: to go on without it would be to show anything.
pub(crate) fn pinned(fragment: &str) -> Result<Option<[u8; 32]>, Misspelt> {
    let fragment = fragment.strip_prefix('#').unwrap_or(fragment);
    let Some(text) = fragment
        .split('&')
        .find_map(|field| field.strip_prefix("key="))
    else {
        return Ok(None);
    };
    match text.len() {
        64 => from_digits(text, 4, |c| char::from(c).to_digit(16)),
        43 => from_digits(text, 6, base64url),
        _ => None,
    }
    .map(Some)
    .ok_or(Misspelt)
}

/// A key that is none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misspelt;

fn from_digits(text: &str, bits: u32, digit: impl Fn(u8) -> Option<u32>) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    let mut bytes = key.iter_mut();
    let (mut held, mut holds) = (0u32, 0);
    for c in text.bytes() {
        held = (held << bits) | digit(c)?;
        holds += bits;
        if holds >= 8 {
            holds -= 8;
            *bytes.next()? = u8::try_from(held >> holds).ok()?;
            held &= (1 << holds) - 1;
        }
    }
    // 43 characters hold 2 bits more than a key; only zero is the one spelling.
    (bytes.next().is_none() && held == 0).then_some(key)
}

fn base64url(c: u8) -> Option<u32> {
    let value = match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'-' => 62,
        b'_' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "00ff102030405060708090a0b0c0d0e0f0112233445566778899aabbccddeeff";
    const BASE64: &str = "AP8QIDBAUGBwgJCgsMDQ4PARIjNEVWZ3iJmqu8zd7v8";

    #[test]
    fn both_spellings_are_the_same_key() {
        let hex = pinned(&format!("#key={HEX}")).unwrap().unwrap();
        assert_eq!(hex[..4], [0x00, 0xff, 0x10, 0x20]);
        assert_eq!(hex[31], 0xff);
        assert_eq!(
            pinned(&format!("#t=1&key={BASE64}&u")).unwrap().unwrap(),
            hex
        );
        assert_eq!(
            pinned(&format!("#key={}", HEX.to_uppercase()))
                .unwrap()
                .unwrap(),
            hex
        );
    }

    #[test]
    fn without_a_key_nothing_is_pinned() {
        for fragment in ["", "#", "#other", "#keys=12"] {
            assert_eq!(pinned(fragment), Ok(None), "{fragment}");
        }
    }

    #[test]
    fn a_misspelt_key_is_refused_and_not_left_out() {
        for text in [
            "".to_owned(),
            HEX[1..].to_owned(),
            HEX.replace('f', "g"),
            BASE64.replace('Q', "+"),
            BASE64.replace("v8", "v9"),
            "é".repeat(32),
        ] {
            assert_eq!(pinned(&format!("#key={text}")), Err(Misspelt), "{text}");
        }
    }
}
