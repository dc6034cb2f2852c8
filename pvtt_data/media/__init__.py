"""Video in and out: probing, exact frames of untrusted media, clips, and the encodings that datasets store."""

from pvtt_data.limits import DEFAULT_LIMITS, Limits
from pvtt_data.media.clips import clip_frames, read_clip, read_range
from pvtt_data.media.decode import FrameFolder, Media, SourceFrame, VideoFile, open_media
from pvtt_data.media.encode import clip_planes, encode_clip, encode_masks, encode_planes
from pvtt_data.media.members import (
    decode_mask_frames,
    decode_masks,
    decode_video,
    decode_video_frames,
    decode_video_planes,
)
from pvtt_data.media.probe import Probe, exact_rate
from pvtt_data.media.timeline import Timeline
from pvtt_data.media.untrusted import open_mp4

__all__ = [
    "DEFAULT_LIMITS",
    "FrameFolder",
    "Limits",
    "Media",
    "Probe",
    "SourceFrame",
    "Timeline",
    "VideoFile",
    "clip_frames",
    "clip_planes",
    "decode_mask_frames",
    "decode_masks",
    "decode_video",
    "decode_video_frames",
    "decode_video_planes",
    "encode_clip",
    "encode_masks",
    "encode_planes",
    "exact_rate",
    "open_media",
    "open_mp4",
    "read_clip",
    "read_range",
]
