//! The state of a session: what is open, what has to be checked, what was found.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use anyhow::Result;
use lsp_server::{ErrorCode, Message, Notification, Request, Response};
use lsp_types::{
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams, DidSaveTextDocumentParams,
    LogMessageParams, MessageType, PublishDiagnosticsParams,
    notification::{
        DidChangeTextDocument, DidChangeWatchedFiles, DidCloseTextDocument, DidOpenTextDocument, DidSaveTextDocument,
        Exit, LogMessage, Notification as _, PublishDiagnostics,
    },
    request::{Initialize, Request as _, Shutdown},
};
use serde::de::DeserializeOwned;

use super::{
    answers, convert,
    frames::{self, Frame},
    mistakes::{self, Mistake},
    texts::Texts,
};
use crate::editor::Lines;

/// So long nothing may be typed until what was typed is checked.
const DEBOUNCE: Duration = Duration::from_millis(150);

pub(super) struct Server<W> {
    output: W,
    state: State,
    pub(super) texts: Texts,
    /// The directories that have to be checked, and when.
    due: BTreeMap<PathBuf, Instant>,
    /// What is wrong with the files of each directory.
    found: BTreeMap<PathBuf, BTreeMap<PathBuf, Vec<Mistake>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    Running,
    ShutDown,
}

impl<W: Write> Server<W> {
    pub(super) fn new(output: W) -> Self {
        Self { output, state: State::New, texts: Texts::default(), due: BTreeMap::new(), found: BTreeMap::new() }
    }

    /// Answers until the end; fails if nobody asked for it.
    pub(super) fn serve(&mut self, received: &Receiver<Frame>) -> Result<ExitCode> {
        loop {
            let frame = match self.due.values().min() {
                Some(due) => received.recv_timeout(due.saturating_duration_since(Instant::now())),
                None => received.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match frame {
                Err(RecvTimeoutError::Timeout) => self.check_due()?,
                Err(RecvTimeoutError::Disconnected) | Ok(Frame::End) => return Ok(self.end()),
                Ok(Frame::Malformed(why)) => self.log(format!("passed over: {why}"))?,
                Ok(Frame::Message(Message::Request(request))) => self.request(request)?,
                Ok(Frame::Message(Message::Notification(it))) if it.method == Exit::METHOD => return Ok(self.end()),
                Ok(Frame::Message(Message::Notification(it))) => self.notification(it)?,
                // We ask for nothing.
                Ok(Frame::Message(Message::Response(_))) => {}
            }
        }
    }

    fn end(&self) -> ExitCode {
        if self.state == State::ShutDown { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn request(&mut self, request: Request) -> Result<()> {
        let Request { id, method, params, .. } = request;
        let answer = match (self.state, method.as_str()) {
            (State::New, Initialize::METHOD) => {
                self.state = State::Running;
                Ok(answers::capabilities())
            }
            (State::New, _) => Err((ErrorCode::ServerNotInitialized, "`initialize` comes first".to_owned())),
            (State::Running, Shutdown::METHOD) => {
                self.state = State::ShutDown;
                Ok(serde_json::Value::Null)
            }
            (State::Running, _) => answers::answer(self, &method, params),
            (State::ShutDown, _) => Err((ErrorCode::InvalidRequest, "the server is shut down".to_owned())),
        };
        let response = match answer {
            Ok(result) => Response::new_ok(id, result),
            Err((code, message)) => Response::new_err(id, code as i32, message),
        };
        self.send(&Message::Response(response))
    }

    fn notification(&mut self, it: Notification) -> Result<()> {
        if self.state != State::Running {
            return Ok(());
        }
        let method = it.method.clone();
        let taken = match method.as_str() {
            DidOpenTextDocument::METHOD => read(it).map(|it| self.opened(it)),
            DidChangeTextDocument::METHOD => read(it).map(|it| self.changed(it)),
            DidSaveTextDocument::METHOD => read(it).map(|it: DidSaveTextDocumentParams| {
                convert::path(&it.text_document.uri).iter().for_each(|it| self.touch(it, Duration::ZERO));
            }),
            DidCloseTextDocument::METHOD => match read::<DidCloseTextDocumentParams>(it) {
                Ok(it) => {
                    convert::path(&it.text_document.uri).map_or(Ok(()), |it| self.closed(&it))?;
                    Ok(())
                }
                Err(why) => Err(why),
            },
            DidChangeWatchedFiles::METHOD => {
                let units: Vec<_> = self.found.keys().cloned().collect();
                units.into_iter().for_each(|it| self.due(it, DEBOUNCE));
                Ok(())
            }
            _ => Ok(()),
        };
        match taken {
            Ok(()) => Ok(()),
            Err(why) => self.log(format!("`{method}` passed over: {why}")),
        }
    }

    fn opened(&mut self, it: DidOpenTextDocumentParams) {
        let document = it.text_document;
        let Some(path) = convert::path(&document.uri) else { return };
        self.texts.set(path.clone(), document.text, document.version);
        self.touch(&path, Duration::ZERO);
    }

    fn changed(&mut self, it: DidChangeTextDocumentParams) {
        let Some(path) = convert::path(&it.text_document.uri) else { return };
        let Some(mut text) = self.texts.get(&path).map(str::to_owned) else { return };
        for change in it.content_changes {
            match change.range {
                None => text = change.text,
                Some(range) => {
                    let lines = Lines::of(&text);
                    let start = convert::byte(&lines, &text, range.start);
                    let end = convert::byte(&lines, &text, range.end).max(start);
                    text.replace_range(start..end, &change.text);
                }
            }
        }
        self.texts.set(path.clone(), text, it.text_document.version);
        self.touch(&path, DEBOUNCE);
    }

    /// A directory of which nothing is open any more is not the editor's concern.
    fn closed(&mut self, path: &Path) -> Result<()> {
        self.texts.close(path);
        let Some(unit) = mistakes::unit(path) else { return Ok(()) };
        if self.texts.paths().any(|it| mistakes::unit(it).as_ref() == Some(&unit)) {
            self.due(unit, Duration::ZERO);
            return Ok(());
        }
        self.due.remove(&unit);
        for file in self.found.remove(&unit).unwrap_or_default().into_keys() {
            self.publish(&file, Vec::new())?;
        }
        // Another directory may have shown the mistakes of the same account.
        let others: Vec<_> = self.found.keys().cloned().collect();
        others.into_iter().for_each(|it| self.due(it, DEBOUNCE));
        Ok(())
    }

    /// What a file may change: its own directory, and those beside it that share its accounts.
    fn touch(&mut self, path: &Path, after: Duration) {
        let Some(unit) = mistakes::unit(path) else { return };
        let beside: Vec<_> = self.found.keys().filter(|it| it.parent() == unit.parent()).cloned().collect();
        beside.into_iter().chain([unit]).for_each(|it| self.due(it, after));
    }

    fn due(&mut self, unit: PathBuf, after: Duration) {
        self.due.insert(unit, Instant::now() + after);
    }

    fn check_due(&mut self) -> Result<()> {
        let now = Instant::now();
        let due: Vec<_> = self.due.iter().filter(|(_, due)| **due <= now).map(|(unit, _)| unit.clone()).collect();
        due.iter().try_for_each(|it| self.check(it))
    }

    fn check(&mut self, unit: &Path) -> Result<()> {
        self.due.remove(unit);
        let found = match mistakes::check(unit, &self.texts) {
            Ok(found) => found,
            Err(error) => return self.log(format!("{}: {error}", unit.display())),
        };
        let before = self.found.insert(unit.to_path_buf(), found.clone()).unwrap_or_default();
        for file in before.keys().filter(|it| !found.contains_key(*it)) {
            self.publish(file, Vec::new())?;
        }
        for (file, mistakes) in found {
            self.publish(&file, mistakes.into_iter().map(|it| it.shown).collect())?;
        }
        Ok(())
    }

    /// What is wrong with a file as it stands now.
    pub(super) fn mistakes(&mut self, path: &Path) -> Vec<Mistake> {
        let Some(unit) = mistakes::unit(path) else { return Vec::new() };
        // What could not be sent now could not be answered either.
        if self.due.contains_key(&unit) && self.check(&unit).is_err() {
            return Vec::new();
        }
        self.found.get(&unit).and_then(|it| it.get(path)).cloned().unwrap_or_default()
    }

    fn publish(&mut self, path: &Path, diagnostics: Vec<lsp_types::Diagnostic>) -> Result<()> {
        let Some(uri) = convert::uri(path) else { return Ok(()) };
        let version = self.texts.version(path);
        self.notify(PublishDiagnostics::METHOD, PublishDiagnosticsParams { uri, diagnostics, version })
    }

    fn log(&mut self, message: String) -> Result<()> {
        self.notify(LogMessage::METHOD, LogMessageParams { typ: MessageType::WARNING, message })
    }

    fn notify(&mut self, method: &str, params: impl serde::Serialize) -> Result<()> {
        self.send(&Message::Notification(Notification::new(method.to_owned(), params)))
    }

    fn send(&mut self, message: &Message) -> Result<()> {
        Ok(frames::write(&mut self.output, message)?)
    }
}

fn read<P: DeserializeOwned>(it: Notification) -> Result<P, String> {
    serde_json::from_value(it.params).map_err(|error| error.to_string())
}
