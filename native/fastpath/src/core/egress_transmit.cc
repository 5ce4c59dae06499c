#include <algorithm>

#include "core/core.h"
#include "core/egress.h"
#include "core/transport.h"

namespace parley {

namespace {

constexpr size_t kLeastPadded = 400;

}  // namespace

size_t EgressStream::WriteExtensions(const Rewritten& entry, uint32_t absSendTime, uint16_t transportSequence,
                                     uint8_t* out) const {
  ExtensionWriter w;
  const Packet* p = entry.packet.get();
  uint8_t absSend[3], sequence[2], delay[3], orientation[1], level[1];
  uint8_t descriptor[264];
  if (!options.mid.empty()) w.Add(extensions_.Id(Extension::kMid), options.mid.data(), options.mid.size());
  if (uint8_t number = extensions_.Id(Extension::kAbsSendTime)) {
    Put24(absSend, absSendTime);
    w.Add(number, absSend, 3);
  }
  if (uint8_t number = extensions_.Id(Extension::kTransportSequence)) {
    Put16(sequence, transportSequence);
    w.Add(number, sequence, 2);
  }
  if (p) {
    if (p->hasLevel) {
      level[0] = p->level;
      w.Add(extensions_.Id(Extension::kAudioLevel), level, 1);
    }
    if (p->hasOrientation) {
      orientation[0] = p->orientation;
      w.Add(extensions_.Id(Extension::kVideoOrientation), orientation, 1);
    }
    if (entry.hasPlayoutDelay) {
      Put24(delay, entry.playoutDelay);
      w.Add(extensions_.Id(Extension::kPlayoutDelay), delay, 3);
    }
    if (p->descriptorAt) {
      if (uint8_t number = extensions_.Id(Extension::kDependencyDescriptor)) {
        View own(p->data + p->descriptorAt, p->descriptorSize);
        // One that was not understood would name frames by numbers the subscriber does not have.
        if (p->frame.described) {
          w.Add(number, descriptor, RewriteDescriptor(own, p->frame, entry.frameNumber, entry.targets, descriptor));
        }
      }
    }
    if (p->captureTimeAt) {
      w.Add(extensions_.Id(Extension::kAbsCaptureTime), p->data + p->captureTimeAt, p->captureTimeSize);
    }
    if (p->colorSpaceAt) {
      w.Add(extensions_.Id(Extension::kColorSpace), p->data + p->colorSpaceAt, p->colorSpaceSize);
    }
  }
  return w.Write(out);
}

size_t EgressStream::Seal(uint8_t* out, size_t headerSize, const View* parts, size_t count, bool rtx, int64_t sequence,
                          bool identical) {
  SrtpSession* srtp = transport.srtp();
  if (!srtp) return 0;
  uint32_t ssrc = rtx ? options.rtxSsrc : options.ssrc;
  SrtpSession::Sender*& sender = rtx ? rtxSender_ : sender_;
  if (!sender) sender = &srtp->SenderOf(ssrc);
  return srtp->ProtectRtp(*sender, out, headerSize, parts, count, ssrc, sequence, identical);
}

void EgressStream::WritePayload(const Rewritten& entry, bool pad, PayloadParts* parts) const {
  const Packet& p = *entry.packet;
  View payload(p.data + entry.payloadAt, entry.payloadSize);
  if (entry.patchDescriptor) {
    uint8_t* head = parts->head;
    size_t size = std::min(payload.size, sizeof parts->head);
    std::memcpy(head, payload.data, size);
    const FrameInfo& f = p.frame;
    if (f.pictureIdBits == 15 && size_t(f.pictureIdAt) + 2 <= size) {
      Put16(head + f.pictureIdAt, 0x8000u | entry.pictureId);
    } else if (f.pictureIdBits == 7 && size_t(f.pictureIdAt) < size) {
      head[f.pictureIdAt] = entry.pictureId & 0x7f;
    }
    if (f.tl0At >= 0 && size_t(f.tl0At) < size) head[f.tl0At] = entry.tl0;
    parts->Add(View(head, size));
    parts->Add(payload.From(size));
  } else {
    parts->Add(payload);
  }
  if (payload.size == 0) {
    parts->Pad(1);
    return;
  }
  // Frames are cut into packets that differ by a byte; padded (RFC 3550 section 5.1) they become equal.
  if (!pad || !options.video || options.padTo <= 1 || options.padTo > sizeof parts->padding) return;
  if (payload.size < kLeastPadded) return;
  size_t missing = (options.padTo - payload.size % options.padTo) % options.padTo;
  if (missing) parts->Pad(missing);
}

size_t EgressStream::Transmit(Rewritten& entry, bool rtx, Micros now) {
  const Packet& p = *entry.packet;
  if (entry.payloadSize + 400u > kMaxPacket) return 0;
  bool wrap = rtx && entry.rtxPayloadType != 0 && options.rtxSsrc != 0;
  // Without RTX a resend is the identical packet: same header, same extension values, same ciphertext.
  bool identical = rtx && !wrap;
  if (identical && entry.sentAt < 0) return 0;
  uint8_t* out = core_.outlet().Reserve();
  if (!out) return 0;
  bool numbered = extensions_.Id(Extension::kTransportSequence) != 0;
  uint32_t extendedSequence = 0;
  uint16_t transportSequence = entry.transportSequence;
  uint32_t absSendTime = entry.absSendTime;
  if (!identical) {
    // 6.18 fixed point seconds.
    absSendTime = uint32_t((uint64_t(now) << 18) / 1'000'000) & 0xffffff;
    if (numbered) {
      extendedSequence = transport.NextTransportSequence();
      transportSequence = uint16_t(extendedSequence);
    }
    if (!rtx) {
      entry.absSendTime = absSendTime;
      entry.transportSequence = transportSequence;
    }
  }
  int64_t sequence = wrap ? rtxSequence_ + 1 : entry.sequence;
  out[0] = 0x80;
  bool red = !wrap && entry.redPayloadType != 0;
  uint8_t payloadType = wrap ? entry.rtxPayloadType : red ? entry.redPayloadType : entry.payloadType;
  out[1] = uint8_t((entry.marker ? 0x80 : 0) | payloadType);
  Put16(out + 2, uint32_t(sequence & 0xffff));
  Put32(out + 4, entry.timestamp);
  Put32(out + 8, wrap ? options.rtxSsrc : options.ssrc);
  size_t extensionSize = WriteExtensions(entry, absSendTime, transportSequence, out + 12);
  if (extensionSize) out[0] |= 0x10;
  size_t headerSize = 12 + extensionSize;

  PayloadParts parts;
  if (wrap) {
    Put16(parts.original, uint32_t(entry.sequence & 0xffff));
    parts.Add(View(parts.original, 2));
  } else if (red) {
    parts.Add(View(&entry.payloadType, 1));
  }
  // What only protects is of no use any more when it is asked for: an empty packet ends the asking.
  if (!wrap || !entry.fec) WritePayload(entry, !wrap, &parts);
  if (!options.video && !wrap && !parts.padded) {
    if (!identical) entry.padding = core_.wave().PaddingFor(headerSize + parts.size());
    if (entry.padding) parts.Pad(entry.padding);
  }
  if (parts.padded) out[0] |= 0x20;
  size_t size = Seal(out, headerSize, parts.views, parts.count, wrap, sequence, identical);
  if (size == 0) return 0;
  if (wrap) rtxSequence_ = sequence;
  if (!rtx && entry.sequence > left_.sequence) NoteLeft(entry);
  entry.sentAt = now;
  if (numbered && !identical && repair_.bursts) {
    transport.transmissions().Note(extendedSequence, *this, entry.sequence, ++entry.transmissions, now);
  }
  transport.Sent(size, numbered && !identical, extendedSequence, now);
  packets_++;
  bytes_ += size;
  payloadBytes_ += entry.payloadSize;
  if (rtx) retransmissions_++;
  return size;
}

void EgressStream::NoteLeft(const Rewritten& entry) {
  left_.sequence = entry.sequence;
  if (entry.fec || entry.payloadSize == 0) return;
  const FrameInfo& f = entry.packet->frame;
  if (f.pictureIdBits) left_.picture = ExtendBits(lastPicture_, entry.pictureId, 15);
  left_.timestamp = entry.timestamp;
  left_.arrival = entry.packet->arrival;
  if (entry.patchFrameNumber) left_.frame = entry.frameNumber;
  if (f.tl0At >= 0) left_.tl0 = entry.tl0;
}

size_t EgressStream::TransmitQueued(Rewritten& entry, bool rtx, Micros now) {
  Rewritten* kept = history_.Find(entry.sequence);
  return Transmit(kept && kept->packet.get() == entry.packet.get() ? *kept : entry, rtx, now);
}

size_t EgressStream::TransmitPadding(size_t size, Micros now) {
  if (options.rtxSsrc == 0 || !transport.ready()) return 0;
  uint8_t payloadType = 0;
  for (const EgressPayload& p : options.payloads) payloadType = p.rtxPayloadType ? p.rtxPayloadType : payloadType;
  uint8_t* out = payloadType ? core_.outlet().Reserve() : nullptr;
  if (!out) return 0;
  size = std::min<size_t>(std::max<size_t>(size, 1), 255);
  bool numbered = extensions_.Id(Extension::kTransportSequence) != 0;
  uint32_t extended = numbered ? transport.NextTransportSequence() : 0;
  int64_t sequence = ++rtxSequence_;
  out[0] = 0xa0;
  out[1] = payloadType;
  Put16(out + 2, uint32_t(sequence & 0xffff));
  Put32(out + 4, lastTimestamp_);
  Put32(out + 8, options.rtxSsrc);
  Rewritten none;
  size_t extensionSize =
      WriteExtensions(none, uint32_t((uint64_t(now) << 18) / 1'000'000) & 0xffffff, uint16_t(extended), out + 12);
  if (extensionSize) out[0] |= 0x10;
  uint8_t padding[255] = {0};
  padding[size - 1] = uint8_t(size);
  View part(padding, size);
  size_t total = Seal(out, 12 + extensionSize, &part, 1, true, sequence, false);
  if (total) transport.Sent(total, numbered, extended, now);
  return total;
}

}  // namespace parley
