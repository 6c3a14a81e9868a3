//! What signing costs on the wire.

mod stream;

use peerstream_fragment::Meta;
use stream::{meta, payload, signer};

/// Bytes per second of a stream of 1 Mbit/s.
const BYTES_PER_SECOND: usize = 1_000_000 / 8;
/// What the boxes of one chunk (moof, and mdat's head) come to.
const BOXES: usize = 120;

/// 1 Mbit/s of H.264 and AAC in fragments of 80 ms, with a video and an audio chunk each.
#[test]
fn headers_signatures_hashes_and_boxes_cost_at_most_4_percent() {
    let media = BYTES_PER_SECOND * 80 / 1000;
    let fragments_per_second = 1000.0 / 80.0;
    let payload = payload(media + 2 * BOXES);
    let video_len = (payload.len() * 7 / 8) as u32;
    // A box that has been up for a year, in the last fragment of a long segment.
    let year = 365 * 86_400_000_000;
    let meta = Meta {
        media_time: year,
        video_len,
        ..meta()
    };
    let fragment = signer(1, 100).seal(meta, payload).expect("it fits");

    let per_fragment = fragment.signed_len() - media;
    let per_second = per_fragment as f64 * fragments_per_second;
    let share = per_second / BYTES_PER_SECOND as f64;
    println!(
        "signed header {} bytes, {per_second} bytes/s in all, {:.2}%",
        fragment.header.bytes.len(),
        share * 100.0
    );
    assert!(share <= 0.04, "{:.2}%", share * 100.0);
}
