//! What a page saw in the seconds before it stalled (`TRACE=1`).

use peerstream_browser::page::Options;

/// Has a page write down what it is doing, 20 times a second.
const WRITE: &str = "{
  const lines = [];
  const one = (peer) => peer ? `${peer.peer}:${peer.state}` : '-';
  setInterval(() => {
    if (!window.peerstream) return;
    const s = peerstream.stats();
    if (!s.node) return;
    lines.push([
      (performance.now() / 1000).toFixed(2), s.tree + s.depth, 'parent', one(s.parent),
      'partner', one(s.partner), 'reserve', one(s.reserve), 'children', s.children.length,
      'verified', s.fragments_verified, 'buffer', s.buffer_s?.toFixed(2),
      'from box', s.bytes_in.box, 'parent', s.bytes_in.parent,
      'partner', s.bytes_in.partner, 'other', s.bytes_in.other, 'stalls', s.stalls,
    ].join(' ') + '\\n');
    if (lines.length > 80) lines.shift();
  }, 50);
  window.trace = lines;
}";

/// Reads it.
pub(crate) const READ: &str = "window.trace?.join('')";

/// How pages are opened.
pub(crate) fn options(traced: bool) -> Options {
    Options {
        before: traced.then(|| WRITE.to_owned()),
        ..Options::default()
    }
}
