use bytes::Bytes;
use mp4_atom::{
    Avc1, Codec, Dinf, Dref, DrefEntry, Encode, FourCC, Ftyp, Hdlr, Mdhd, Mdia, Minf, Moov, Mp4a,
    Mvex, Mvhd, Smhd, Stbl, Stco, Stsd, Tkhd, Trak, Trex, Url, Visual, Vmhd, esds,
};
use peerstream_fragment::{Init, InitTrack, TrackKind};

use super::{AUDIO_ID, NOT_SYNC, SYNC, VIDEO_ID, VIDEO_SCALE};
use crate::tracks::{Audio, Tracks, Video};

/// What players need before the first chunk, each track by itself.
pub(crate) fn init(tracks: &Tracks) -> Option<Init> {
    let video = tracks.video.as_ref().map(video);
    let audio = tracks.audio.as_ref().map(audio);
    let tracks = video.into_iter().chain(audio).collect::<Option<Vec<_>>>()?;
    Some(Init { tracks })
}

fn video(video: &Video) -> Option<InitTrack> {
    let (width, height) = (video.track.width, video.track.height);
    let entry = Codec::Avc1(Avc1 {
        visual: Visual {
            data_reference_index: 1,
            width,
            height,
            ..Visual::default()
        },
        avcc: video.config.avcc.clone(),
        ..Avc1::default()
    });
    let track = Track {
        tkhd: Tkhd {
            track_id: VIDEO_ID,
            enabled: true,
            in_movie: true,
            width: width.into(),
            height: height.into(),
            ..Tkhd::default()
        },
        scale: VIDEO_SCALE,
        hdlr: Hdlr {
            handler: FourCC::new(b"vide"),
            name: String::new(),
        },
        minf: Minf {
            vmhd: Some(Vmhd::default()),
            ..media(entry)
        },
        duration: 0,
        flags: NOT_SYNC,
    };
    let codec = video.config.codec.clone();
    Some(InitTrack {
        kind: TrackKind::Video,
        codec,
        segment: track.header()?,
    })
}

fn audio(audio: &Audio) -> Option<InitTrack> {
    let config = &audio.config;
    let entry = Codec::Mp4a(Mp4a {
        audio: mp4_atom::Audio {
            data_reference_index: 1,
            channel_count: audio.track.channels.into(),
            sample_size: 16,
            // The field ends at 65,535; players go by the AudioSpecificConfig.
            sample_rate: u16::try_from(config.rate).unwrap_or(0).into(),
        },
        esds: esds::Esds {
            es_desc: elementary_stream(&audio.track.asc),
        },
        btrt: None,
        taic: None,
    });
    let track = Track {
        tkhd: Tkhd {
            track_id: AUDIO_ID,
            enabled: true,
            in_movie: true,
            volume: 1.into(),
            ..Tkhd::default()
        },
        scale: config.rate,
        hdlr: Hdlr {
            handler: FourCC::new(b"soun"),
            name: String::new(),
        },
        minf: Minf {
            smhd: Some(Smhd::default()),
            ..media(entry)
        },
        duration: config.frame,
        flags: SYNC,
    };
    let codec = config.codec.clone();
    Some(InitTrack {
        kind: TrackKind::Audio,
        codec,
        segment: track.header()?,
    })
}

fn elementary_stream(asc: &[u8]) -> esds::EsDescriptor {
    esds::EsDescriptor {
        dec_config: esds::DecoderConfig {
            // ISO/IEC 14496-3 audio, in an audio stream.
            object_type_indication: 0x40,
            stream_type: 5,
            dec_specific: Some(esds::DecoderSpecific {
                raw: asc.to_vec(),
                ..esds::DecoderSpecific::default()
            }),
            ..esds::DecoderConfig::default()
        },
        ..esds::EsDescriptor::default()
    }
}

/// The media information of a track whose samples are all in fragments.
fn media(entry: Codec) -> Minf {
    Minf {
        dinf: Dinf {
            dref: Dref {
                entries: vec![DrefEntry::Url(Url::default())],
            },
        },
        stbl: Stbl {
            stsd: Stsd {
                codecs: vec![entry],
            },
            stco: Some(Stco::default()),
            ..Stbl::default()
        },
        ..Minf::default()
    }
}

struct Track {
    tkhd: Tkhd,
    scale: u32,
    hdlr: Hdlr,
    minf: Minf,
    /// How long a sample is where its chunk does not say.
    duration: u32,
    /// What a sample is where its chunk does not say.
    flags: u32,
}

impl Track {
    fn header(self) -> Option<Bytes> {
        let track_id = self.tkhd.track_id;
        let ftyp = Ftyp {
            major_brand: FourCC::new(b"iso6"),
            minor_version: 0,
            compatible_brands: vec![FourCC::new(b"iso6"), FourCC::new(b"cmfc")],
        };
        let moov = Moov {
            mvhd: Mvhd {
                timescale: self.scale,
                rate: 1.into(),
                volume: 1.into(),
                next_track_id: track_id + 1,
                ..Mvhd::default()
            },
            mvex: Some(Mvex {
                mehd: None,
                trex: vec![Trex {
                    track_id,
                    default_sample_description_index: 1,
                    default_sample_duration: self.duration,
                    default_sample_size: 0,
                    default_sample_flags: self.flags,
                }],
            }),
            trak: vec![Trak {
                tkhd: self.tkhd,
                mdia: Mdia {
                    mdhd: Mdhd {
                        timescale: self.scale,
                        language: "und".to_owned(),
                        ..Mdhd::default()
                    },
                    hdlr: self.hdlr,
                    minf: self.minf,
                },
                ..Trak::default()
            }],
            ..Moov::default()
        };
        let mut out = Vec::new();
        ftyp.encode(&mut out).ok()?;
        moov.encode(&mut out).ok()?;
        Some(out.into())
    }
}
