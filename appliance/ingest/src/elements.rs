//! GStreamer elements, and where Debian keeps them.

use gstreamer as gst;

use crate::Error;

/// Refuses with the first of `elements` that is not installed.
pub(crate) fn require(elements: &[&'static str]) -> Result<(), Error> {
    match elements.iter().find(|element| !is_there(element)) {
        Some(element) => Err(missing(element)),
        None => Ok(()),
    }
}

/// The first of `elements` that is installed.
pub(crate) fn choose(elements: &[&'static str]) -> Result<&'static str, Error> {
    let found = elements.iter().find(|element| is_there(element)).copied();
    found.ok_or_else(|| missing(elements.first().copied().unwrap_or_default()))
}

fn is_there(element: &str) -> bool {
    gst::ElementFactory::find(element).is_some()
}

fn missing(element: &'static str) -> Error {
    Error::MissingElement {
        element,
        package: package(element),
    }
}

/// The Debian package (12 and 13) that has `element`.
fn package(element: &str) -> &'static str {
    match element {
        "flvdemux" => "gstreamer1.0-plugins-good",
        "aacparse" => "gstreamer1.0-plugins-good",
        "h264parse" | "voaacenc" => "gstreamer1.0-plugins-bad",
        "x264enc" => "gstreamer1.0-plugins-ugly",
        "avenc_aac" => "gstreamer1.0-libav",
        "clockoverlay" => "gstreamer1.0-x",
        _ => "gstreamer1.0-plugins-base",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_element_names_its_package() {
        gst::init().unwrap();
        assert_eq!(require(&["appsink", "identity"]), Ok(()));
        let error = require(&["identity", "no-such-element"])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("no-such-element") && error.contains("apt install"),
            "{error}"
        );
        assert!(!error.contains('\n'));
        assert_eq!(choose(&["no-such-element", "identity"]), Ok("identity"));
        assert_eq!(
            missing("x264enc").to_string(),
            "GStreamer element x264enc is missing: install it with `apt install gstreamer1.0-plugins-ugly`"
        );
    }
}
