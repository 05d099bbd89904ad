//! `closeloop lsp`: a language server over stdin and stdout.
//!
//! It answers from what stands in the editor, saved or not. What can stand at a place and what it means is `editor`'s to
//! say, what is wrong is `spec`'s; here is the protocol only. One thread reads, one answers.

mod answers;
mod convert;
mod frames;
mod mistakes;
mod server;
mod texts;

use std::{io::BufReader, process::ExitCode, sync::mpsc, thread};

use anyhow::Result;

use self::{frames::Frame, server::Server};

/// Serves the editor that started this process, until it says `exit` or goes away.
pub(super) fn run() -> Result<ExitCode> {
    let (frames, received) = mpsc::channel();
    // It ends with the process: an editor that hangs must not keep it.
    thread::spawn(move || {
        let mut input = BufReader::new(std::io::stdin());
        loop {
            let frame = frames::read(&mut input);
            let is_end = matches!(frame, Frame::End);
            if frames.send(frame).is_err() || is_end {
                return;
            }
        }
    });
    Server::new(std::io::stdout().lock()).serve(&received)
}
