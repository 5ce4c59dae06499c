// What arrives as SRTP: decrypted, read, and given to the track it belongs to.
#include "core/transport.h"

#include "core/core.h"

namespace parley {

namespace {

bool SameText(View a, const std::string& b) { return a.size == b.size() && std::memcmp(a.data, b.data(), a.size) == 0; }

}  // namespace

void Transport::OnMedia(View bytes, const Path& path, Micros now) {
  if (!srtp_ || closed_) return;
  counters.packetsReceived++;
  counters.bytesReceived += bytes.size;
  if (bytes.size < 12 || bytes.size > kMaxPacket) {
    counters.malformed++;
    return;
  }
  if (ice_.fixed() && !Declared(bytes)) {
    counters.unroutable++;
    return;
  }
  // RFC 5761 section 4: RTCP packet types 192..223 in the second byte.
  if (bytes[1] >= 192 && bytes[1] <= 223) {
    OnRtcp(bytes, path, now);
  } else {
    OnRtp(bytes, path, now);
  }
}

bool Transport::Declared(View bytes) const {
  bool rtcp = bytes[1] >= 192 && bytes[1] <= 223;
  // Sender reports bear the SSRC of their stream; all other RTCP that of the transport.
  if (rtcp) return bytes[1] != RtcpPacket::kSr || routes_.count(Get32(bytes.data + 4)) > 0;
  return routes_.count(Get32(bytes.data + 8)) > 0;
}

void Transport::Count(Unprotect result) {
  switch (result) {
    case Unprotect::kForged:
      counters.authFailures++;
      break;
    case Unprotect::kReplayed:
      counters.replays++;
      break;
    case Unprotect::kTooManySources:
      counters.unroutable++;
      break;
    default:
      counters.malformed++;
  }
}

void Transport::MediaProven(const Path& path, Micros now) {
  if (dtls_) dtls_->Confirm();
  Connect(now);
  if (ice_.OnAuthenticatedMedia(path, now)) PathChanged();
}

void Transport::OnRtp(View bytes, const Path& path, Micros now) {
  PacketRef packet = core_.pool().Take();
  size_t size = 0;
  Unprotect result = srtp_->UnprotectRtp(bytes, now, packet->data, &size);
  if (result != Unprotect::kOk) {
    Count(result);
    return;
  }
  MediaProven(path, now);
  HandleRtp(std::move(packet), size, now);
}

void Transport::HandleRtp(PacketRef packet, size_t size, Micros now) {
  Packet& p = *packet;
  p.size = uint16_t(size);
  View all(p.data, size);
  size_t headerSize = RtpHeaderSize(all);
  if (headerSize == 0) {
    counters.malformed++;
    return;
  }
  size_t payloadSize = size - headerSize;
  if (p.data[0] & 0x20) {
    size_t padding = size > headerSize ? p.data[size - 1] : 0;
    if (padding == 0 || padding > payloadSize) {
      counters.malformed++;
      return;
    }
    payloadSize -= padding;
  }
  p.marker = p.data[1] & 0x80;
  p.payloadType = p.data[1] & 0x7f;
  uint16_t sequence = Get16(p.data + 2);
  p.timestamp = Get32(p.data + 4);
  p.ssrc = Get32(p.data + 8);
  p.payloadAt = uint16_t(headerSize);
  p.payloadSize = uint16_t(payloadSize);

  View mid, rid, repairedRid;
  if (p.data[0] & 0x10) {
    size_t at = 12 + size_t(p.data[0] & 15) * 4;
    uint16_t profile = Get16(p.data + at);
    View block = all.Sub(at + 4, size_t(Get16(p.data + at + 2)) * 4);
    bool sound = VisitExtensions(profile, block, [&](uint8_t number, View value) {
      switch (extensions_.Of(number)) {
        case Extension::kMid:
          mid = value;
          break;
        case Extension::kRid:
          rid = value;
          break;
        case Extension::kRepairedRid:
          repairedRid = value;
          break;
        case Extension::kTransportSequence:
          if (value.size >= 2) {
            twcc_.OnPacket(Get16(value.data), core_.arrival());
            feedbackMedia_ = p.ssrc;
            if (!feedbackTimer_.armed()) core_.wheel().Arm(feedbackTimer_, now + core_.options().feedbackInterval);
          }
          break;
        case Extension::kAudioLevel:
          if (value.size >= 1) {
            p.hasLevel = true;
            p.level = value[0];
          }
          break;
        case Extension::kVideoOrientation:
          if (value.size >= 1) {
            p.hasOrientation = true;
            p.orientation = value[0];
          }
          break;
        case Extension::kPlayoutDelay:
          if (value.size >= 3) {
            p.hasPlayoutDelay = true;
            p.playoutDelay = Get24(value.data);
          }
          break;
        case Extension::kDependencyDescriptor:
          if (value.size > 0) {
            p.descriptorAt = uint16_t(value.data - p.data);
            p.descriptorSize = uint8_t(value.size);
          }
          break;
        case Extension::kAbsCaptureTime:
          if (value.size >= 8 && value.size <= 16) {
            p.captureTimeAt = uint16_t(value.data - p.data);
            p.captureTimeSize = uint8_t(value.size);
          }
          break;
        case Extension::kColorSpace:
          if (value.size > 0 && value.size <= 32) {
            p.colorSpaceAt = uint16_t(value.data - p.data);
            p.colorSpaceSize = uint8_t(value.size);
          }
          break;
        default:
          break;
      }
    });
    if (!sound) {
      counters.malformed++;
      return;
    }
  }
  Route route;
  auto found = routes_.find(p.ssrc);
  if (found != routes_.end()) {
    route = found->second;
  } else {
    route = Resolve(p.ssrc, p.payloadType, mid, rid, repairedRid);
    if (!route.stream) {
      counters.unroutable++;
      return;
    }
  }
  bool recovered = false;
  if (route.rtx) {
    // RFC 4588: the original number stands before the payload. Without it the packet is a probe.
    const IngressPayload* original = route.stream->track.PayloadOfRtx(p.payloadType);
    if (!original) {
      counters.unroutable++;
      return;
    }
    if (payloadSize <= 2) return;
    sequence = Get16(p.data + headerSize);
    p.payloadAt += 2;
    p.payloadSize -= 2;
    p.payloadType = original->payloadType;
    p.ssrc = route.stream->options.ssrc;
    recovered = true;
    if (route.stream->lastArrival < 0) return;
  }
  route.stream->OnPacket(std::move(packet), sequence, recovered, now);
}

Transport::Route Transport::Resolve(uint32_t ssrc, uint8_t payloadType, View mid, View rid, View repairedRid) {
  Route route;
  IngressTrack* onlyTrack = nullptr;
  bool unique = true;
  for (auto& track : tracks_) {
    bool isRtx = track->PayloadOfRtx(payloadType) != nullptr;
    if (!isRtx && !track->PayloadOf(payloadType)) continue;
    bool midMatches = mid.size > 0 && SameText(mid, track->options.mid);
    if (mid.size > 0 && !track->options.mid.empty() && !midMatches) continue;
    View name = repairedRid.size ? repairedRid : rid;
    if (name.size) {
      for (auto& stream : track->layers) {
        if (!stream->options.rid.empty() && SameText(name, stream->options.rid)) {
          route = {stream.get(), repairedRid.size > 0 || isRtx};
          break;
        }
      }
      if (route.stream) break;
      if (track->layers.size() > 1 || !track->layers[0]->options.rid.empty()) continue;
    }
    IngressStream& first = *track->layers[0];
    bool plain = track->layers.size() == 1 && first.options.rid.empty();
    if (!plain) continue;
    if (midMatches) {
      route = {&first, isRtx};
      break;
    }
    // Without any name only an undeclared SSRC that a single track can own is taken.
    if (first.options.ssrc != 0 && !isRtx) continue;
    if (onlyTrack) unique = false;
    onlyTrack = track.get();
  }
  if (!route.stream && onlyTrack && unique) {
    route = {onlyTrack->layers[0].get(), onlyTrack->PayloadOfRtx(payloadType) != nullptr};
  }
  if (!route.stream) return route;
  if (route.rtx) {
    if (route.stream->options.rtxSsrc) routes_.erase(route.stream->options.rtxSsrc);
    route.stream->options.rtxSsrc = ssrc;
  } else if (route.stream->options.ssrc != ssrc) {
    if (route.stream->options.ssrc) routes_.erase(route.stream->options.ssrc);
    route.stream->Restart(ssrc);
  }
  routes_[ssrc] = route;
  return route;
}

}  // namespace parley
