// One hop of the overlay without the rest of it: a page that forwards a stream's parts over data
// channels as they "arrive", and pages that take them. Evaluated in each page; returns nothing.
"use strict";
globalThis.hop = (() => {
  const connections = [];
  let channels = [];
  let received = new Map();
  let messages = 0;

  // Pages count time from their own beginnings; the wall clock joins them. It shows whole
  // milliseconds, so its offset is looked for where it steps.
  const offset = (() => {
    let best = -Infinity;
    const begin = performance.now();
    while (performance.now() - begin < 60) {
      best = Math.max(best, Date.now() - performance.now());
    }
    return best;
  })();
  const now = () => performance.now() + offset;

  // Everything at once instead of candidate by candidate.
  const described = async (connection) => {
    await connection.setLocalDescription();
    if (connection.iceGatheringState !== "complete") {
      await new Promise((resolve) => {
        connection.onicegatheringstatechange = () => {
          if (connection.iceGatheringState === "complete") resolve();
        };
      });
    }
    return connection.localDescription.sdp;
  };

  const offer = (init) => {
    const connection = new RTCPeerConnection();
    connections.push(connection);
    const channel = connection.createDataChannel("media", init);
    channel.binaryType = "arraybuffer";
    channels.push(channel);
    return described(connection);
  };

  const answer = async (sdp) => {
    const connection = new RTCPeerConnection();
    connections.push(connection);
    connection.ondatachannel = ({ channel }) => {
      channel.binaryType = "arraybuffer";
      channel.onmessage = ({ data }) => take(data);
    };
    await connection.setRemoteDescription({ type: "offer", sdp });
    return described(connection);
  };

  const accept = (index, sdp) =>
    connections[index].setRemoteDescription({ type: "answer", sdp });

  const take = (data) => {
    const view = new DataView(data);
    const fragment = view.getUint32(0);
    const parts = view.getUint16(4);
    messages += 1;
    const seen = received.get(fragment) ?? { parts: 0, first: now() };
    seen.parts += 1;
    if (seen.parts === parts) seen.complete = now();
    received.set(fragment, seen);
  };

  // A token bucket in bytes, filled at a rate in kbit/s; no rate, no limit.
  const pacer = (rate, burst) => {
    let tokens = burst;
    let last = performance.now();
    return {
      take(bytes) {
        if (!rate) return true;
        const at = performance.now();
        tokens = Math.min(burst, tokens + ((at - last) * rate) / 8);
        last = at;
        if (tokens < 0) return false;
        tokens -= bytes;
        return true;
      },
    };
  };

  // Forwards for `seconds`; answers with what left and when.
  const forward = async ({ seconds, fps, segment, ordinary, key, part, arrival, queue, pace, burst, patience }) => {
    await Promise.all(channels.map((channel) => new Promise((resolve) => {
      if (channel.readyState === "open") resolve();
      else channel.onopen = resolve;
    })));
    const waiting = channels.map(() => []);
    const bucket = pacer(pace, burst);
    const log = [];
    let sent = 0;
    let stale = 0;
    let queued = 0;

    const pump = () => {
      // In turn, a part each, so that no child waits for another's whole fragment.
      for (let busy = true; busy;) {
        busy = false;
        for (const [index, channel] of channels.entries()) {
          const mine = waiting[index];
          while (mine.length && performance.now() - mine[0].since > patience) {
            mine.shift();
            stale += 1;
          }
          if (!mine.length || channel.bufferedAmount + mine[0].bytes.byteLength > queue) continue;
          if (!bucket.take(mine[0].bytes.byteLength)) return;
          const { bytes } = mine.shift();
          channel.send(bytes);
          sent += 1;
          queued = Math.max(queued, channel.bufferedAmount);
          busy = true;
        }
      }
    };
    for (const channel of channels) {
      channel.bufferedAmountLowThreshold = queue / 2;
      channel.onbufferedamountlow = pump;
    }

    // The stream as it comes over the wire: each fragment part by part at the arrival's rate.
    const begin = performance.now();
    const arrivals = [];
    let free = 0;
    for (let number = 0; number < seconds * fps; number += 1) {
      const size = number % (segment * fps) === 0 ? key : ordinary;
      const parts = Math.ceil(size / part);
      free = Math.max(free, (number * 1000) / fps);
      for (let index = 0; index < parts; index += 1) {
        const length = Math.min(part, size - index * part);
        free += (length * 8) / arrival;
        arrivals.push({ at: free, number, parts, index, length, key: size === key });
      }
    }
    let next = 0;
    // A message to oneself comes back sooner than any timer.
    const tick = new MessageChannel();
    await new Promise((resolve) => {
      const step = () => {
        const elapsed = performance.now() - begin;
        while (next < arrivals.length && arrivals[next].at <= elapsed) {
          const { number, parts, index, length, key } = arrivals[next];
          const bytes = new Uint8Array(Math.max(length, 8));
          const view = new DataView(bytes.buffer);
          view.setUint32(0, number);
          view.setUint16(4, parts);
          for (const mine of waiting) mine.push({ bytes, since: performance.now() });
          if (index === parts - 1) log.push({ number, key, at: now() });
          next += 1;
        }
        pump();
        if (next === arrivals.length && waiting.every((mine) => !mine.length)) resolve();
        else setTimeout(step, 1);
      };
      step();
    });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    return { log, sent, stale, queued };
  };

  const taken = () => ({
    messages,
    fragments: [...received].map(([number, { first, complete, parts }]) => ({ number, first, complete, parts })),
  });

  return { offer, answer, accept, forward, taken };
})();
