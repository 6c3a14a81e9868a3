// Opens the way to the box while the rest of the page is still on its own way, then hands
// it over. Without a box to talk to, or after a crash, it says so. And it does for the module
// what takes less in JavaScript (see bindings.rs in web/viewer). The build puts it behind the
// module's bindings, which leave it to this to load the module.
function openSocket() {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/ws`);
  socket.binaryType = "arraybuffer";
  return socket;
}

let early;
try {
  early = openSocket();
} catch {
  // The module tries again, and says why it cannot.
}

let battery;
navigator.getBattery?.().then((found) => { battery = found; }, () => {});

// What speaks against passing the stream on: 1 a metered connection, 2 a telephone that
// shows something else, 4 a low battery.
function against() {
  const { connection, userAgentData } = navigator;
  const metered = connection?.type === "cellular" || connection?.saveData;
  const pocket = document.hidden && (userAgentData?.mobile || matchMedia("(pointer: coarse)").matches);
  const low = battery && !battery.charging && battery.level < 0.2;
  return (metered ? 1 : 0) | (pocket ? 2 : 0) | (low ? 4 : 0);
}

function relayed(connection) {
  const pair = connection.sctp?.transport?.iceTransport?.getSelectedCandidatePair?.();
  return pair?.local?.type === "relay";
}

function when(promise, told) {
  promise.then((value) => told(value, false), (error) => told(error, true));
}

function mediaSource(video) {
  if (globalThis.MediaSource) return new MediaSource();
  // A managed source may not be sent on to a television, and demands to hear it.
  video.disableRemotePlayback = true;
  return new ManagedMediaSource();
}

// A callback counts once, and has to ask for the next itself.
function eachFrame(video, told) {
  const next = (now, frame) => {
    video.requestVideoFrameCallback(next);
    told(frame.mediaTime, frame.expectedDisplayTime);
  };
  video.requestVideoFrameCallback?.(next);
  return "requestVideoFrameCallback" in video;
}

// Telephones by Apple know it for videos only, under a name of their own.
function toggleFullscreen(video) {
  if (document.fullscreenElement) document.exitFullscreen();
  else if (document.fullscreenEnabled) document.getElementById("stage").requestFullscreen();
  else video.webkitEnterFullscreen?.();
}

// Browsers may forbid to keep anything.
function recall() {
  try {
    return localStorage["peerstream-share"] ?? -1;
  } catch {
    return -1;
  }
}

function remember(choice) {
  try {
    localStorage["peerstream-share"] = choice ? 1 : 0;
  } catch {
    // Then it is asked again.
  }
}

// The box is of another version than this page: its own page is the one to use. Once, or a
// page kept by something in between would load itself for ever.
function reloadOnce() {
  try {
    if (sessionStorage["peerstream-reloaded"]) return;
    sessionStorage["peerstream-reloaded"] = 1;
    location.reload();
  } catch {
    // Who cannot say that it was the first time must not try.
  }
}

function offerStats(stats) {
  window.peerstream = { stats };
}

// Woken up from the browser's memory of pages left, it starts afresh.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

// Resolves once there is a page to show anything on.
const ready = new Promise((resolve) => {
  if (document.readyState !== "loading") resolve();
  document.addEventListener("DOMContentLoaded", resolve);
});

function say(what) {
  const status = document.getElementById("status");
  document.body.dataset.status = what;
  status.textContent = status.dataset[what];
}

// A module that trapped is in no state to go on.
addEventListener("error", (event) => {
  if (!(event.error instanceof WebAssembly.RuntimeError)) return;
  say("broken");
  // Not at once, and not for ever faster: a page that cannot run must not storm the box.
  setTimeout(() => location.reload(), 5000 + 10000 * Math.random());
});

try {
  const code = fetch(new URL("./viewer.wasm", import.meta.url));
  const { instance } = await WebAssembly.instantiateStreaming(code, __wbg_get_imports());
  wasm = instance.exports;
  wasm.__wbindgen_start();
  await ready;
  start(early);
} catch (error) {
  console.error(error);
  await ready;
  say("unsupported");
}
