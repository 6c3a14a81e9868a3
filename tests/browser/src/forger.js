"use strict";
const forger = { active: false, altered: 0 };
{
  const PART = 0x03;
  const send = RTCDataChannel.prototype.send;
  RTCDataChannel.prototype.send = function (data) {
    if (forger.active && typeof data !== "string" && !(data instanceof Blob)) {
      const bytes = ArrayBuffer.isView(data)
        ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
        : new Uint8Array(data);
      if (bytes[0] === PART) {
        const forged = bytes.slice();
        forged[forged.length - 1] ^= 1;
        forger.altered += 1;
        return send.call(this, forged);
      }
    }
    return send.call(this, data);
  };
}
