//! What a page saw in the seconds before it stalled (`TRACE=1`).

use peerstream_browser::audience::Viewer;
use peerstream_browser::page::Options;

/// Has a page write down what it is doing, 10 times a second.
const WRITE: &str = "{
  const lines = [];
  const one = (peer) => peer ? `${peer.peer}:${peer.state}x${peer.strands}` : '-';
  const spans = (of) => Array.from({ length: of.length },
    (_, n) => `${of.start(n).toFixed(2)}..${of.end(n).toFixed(2)}`).join(' ');
  setInterval(() => {
    if (!window.peerstream) return;
    const s = peerstream.stats();
    if (!s.node) return;
    const video = document.querySelector('video');
    lines.push([
      (performance.now() / 1000).toFixed(2), s.tree + s.depth, 'parent', one(s.parent),
      'partner', one(s.partner), 'reserve', one(s.reserve), 'children', s.children.map(one).join(' '),
      'verified', s.fragments_verified, 'buffer', s.buffer_s?.toFixed(2),
      'from box', s.bytes_in.box, 'parent', s.bytes_in.parent,
      'partner', s.bytes_in.partner, 'other', s.bytes_in.other, 'stalls', s.stalls,
      'at', video.currentTime.toFixed(2), 'ready', video.readyState, 'seeking', video.seeking,
      'held', spans(video.buffered),
    ].join(' ') + '\\n');
    if (lines.length > 50) lines.shift();
  }, 100);
  window.trace = lines;
}";

const READ: &str = "window.trace?.join('')";

/// Shows what pages have written down, if they do.
pub(crate) fn show<'a>(viewers: impl IntoIterator<Item = &'a Viewer>) {
    for viewer in viewers {
        if let Ok(trace) = viewer.page.evaluate(READ)
            && let Some(trace) = trace.as_str()
        {
            eprint!("{}:\n{trace}", viewer.name);
        }
    }
}

/// How pages are opened.
pub(crate) fn options(traced: bool) -> Options {
    Options {
        before: traced.then(|| WRITE.to_owned()),
        ..Options::default()
    }
}
