//! The child process itself.

use std::io::{Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;

use crate::outlet::Outlet;
use crate::source::Inlet;
use crate::{Error, Source, faults};

/// How often the child says that it is alive.
pub const ALIVE_EVERY: Duration = Duration::from_millis(250);

/// Runs `source` between standard input and standard output until either ends: all that
/// `peerstreamd ingest …` does. Neither logging nor an async runtime is needed.
pub fn main(source: &Source) -> ExitCode {
    faults::are_fatal();
    match run(source, Mortal(std::io::stdin()), std::io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peerstreamd ingest: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs `source` between `input` and `output` until `input` ends.
///
/// # Errors
/// If the source cannot run, or runs no more. The daemon is told the same in the last
/// [`crate::pipe::Message`].
pub fn run(
    source: &Source,
    input: impl Read + Send + 'static,
    output: impl Write + Send + 'static,
) -> Result<(), Error> {
    let outlet = Outlet::new(output);
    outlet.alive();
    let ran = play(source, input, &outlet);
    if let Err(error) = &ran {
        outlet.last_words(error);
    }
    ran
}

fn play(
    source: &Source,
    input: impl Read + Send + 'static,
    outlet: &Arc<Outlet>,
) -> Result<(), Error> {
    gst::init().map_err(|error| Error::Init(error.to_string()))?;
    let pipeline = gst::Pipeline::new();
    let feed = source.feed();
    let inlet = feed.build(&pipeline, outlet)?;
    let ended = Arc::new(AtomicBool::new(false));
    thread::spawn({
        let ended = Arc::clone(&ended);
        move || {
            carry(input, &inlet);
            ended.store(true, Ordering::Release);
        }
    });
    let ran = match pipeline.set_state(gst::State::Playing) {
        Ok(_) => watch(&pipeline, outlet, &ended),
        Err(error) => {
            let told = pipeline
                .bus()
                .and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
            Err(told
                .as_deref()
                .and_then(complaint)
                .unwrap_or_else(|| Error::Pipeline {
                    source_name: feed.name(),
                    reason: error.to_string(),
                }))
        }
    };
    outlet.finish();
    let _ = pipeline.set_state(gst::State::Null);
    ran
}

/// Carries the input to where it is wanted, until it ends.
fn carry(mut input: impl Read, inlet: &Inlet) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        if let Inlet::Bytes(source) = inlet {
            // Refused only when the pipeline is going down; that is for the watch to see.
            let _ = source.push_buffer(gst::Buffer::from_slice(buffer[..length].to_vec()));
        }
    }
    if let Inlet::Bytes(source) = inlet {
        let _ = gst_app::AppSrc::end_of_stream(source);
    }
}

/// The main loop: says that it is alive, and watches for the end.
fn watch(pipeline: &gst::Pipeline, outlet: &Outlet, ended: &AtomicBool) -> Result<(), Error> {
    let Some(bus) = pipeline.bus() else {
        return Ok(());
    };
    let mut next_alive = Instant::now();
    let mut last_call: Option<Instant> = None;
    loop {
        let now = Instant::now();
        if now >= next_alive {
            outlet.alive();
            next_alive = now + ALIVE_EVERY;
        }
        if let Some(error) = outlet.failure() {
            return Err(error);
        }
        if ended.load(Ordering::Acquire) {
            // What is under way may still come out.
            let last_call = *last_call.get_or_insert(now + LAST_CALL);
            if now >= last_call {
                return Ok(());
            }
        }
        let wait = (next_alive - now).min(LAST_CALL / 4);
        let wait = gst::ClockTime::try_from(wait).unwrap_or(gst::ClockTime::ZERO);
        let kinds = [gst::MessageType::Error, gst::MessageType::Eos];
        let Some(message) = bus.timed_pop_filtered(wait, &kinds) else {
            continue;
        };
        if let Some(failure) = outlet.failure() {
            // What the pipeline makes of it is not what happened.
            return Err(failure);
        }
        if ended.load(Ordering::Acquire) {
            // A stream that breaks off is no error of anybody here.
            return Ok(());
        }
        return Err(complaint(&message).unwrap_or(Error::Ended));
    }
}

/// What an error message says.
fn complaint(message: &gst::MessageRef) -> Option<Error> {
    let gst::MessageView::Error(error) = message.view() else {
        return None;
    };
    let element = error
        .src()
        .map_or_else(String::new, |element| element.name().into());
    let reason = error.error().to_string().replace('\n', " ");
    Some(Error::Element { element, reason })
}

/// Standard input, with whose end the process ends, even if the pipeline hangs by then.
struct Mortal<R>(R);

impl<R: Read> Read for Mortal<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.0.read(buffer);
        if matches!(read, Ok(0)) {
            thread::spawn(|| {
                thread::sleep(4 * LAST_CALL);
                std::process::exit(1);
            });
        }
        read
    }
}

/// How long the pipeline has to finish once its input has ended.
const LAST_CALL: Duration = Duration::from_millis(400);
