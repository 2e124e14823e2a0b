// Read a binary message: the length of its header, the header as JSON, then pictures.

export function unpacked(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let at = 4 + length;
  const pictures = header.bytes.map((bytes) => {
    const part = new Uint8Array(buffer, at, bytes);
    at += bytes;
    return part;
  });
  return { header, pictures };
}
