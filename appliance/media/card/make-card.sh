#!/bin/sh
# Makes standby.h264, the picture that stands in while the source is away: one group of
# pictures, 50 frames at 25 frames/s, all but the first of them skipped, so that a second of
# it costs next to nothing. An access unit delimiter starts every frame; the daemon cuts the
# file there. Needs gstreamer1.0-tools, -plugins-base, -plugins-ugly (x264enc) and -x
# (textoverlay), and fonts-dejavu-core. The result is committed: nothing here runs on a box.
set -eu
cd "$(dirname "$0")"
gst-launch-1.0 -q \
    videotestsrc num-buffers=50 pattern=solid-color foreground-color=0xff1b2430 \
    ! video/x-raw,format=I420,width=640,height=360,framerate=25/1 \
    ! textoverlay text="The stream will be back in a moment" \
        font-desc="DejaVu Sans 17" valignment=center halignment=center \
        color=0xffe8edf2 draw-shadow=false draw-outline=false \
    ! x264enc pass=quant quantizer=24 speed-preset=veryslow threads=1 bframes=0 \
        key-int-max=50 aud=true insert-vui=true rc-lookahead=0 mb-tree=false \
        option-string="scenecut=0:weightp=0" \
    ! video/x-h264,profile=constrained-baseline,stream-format=byte-stream,alignment=au \
    ! filesink location=standby.h264
