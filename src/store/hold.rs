//! Keeps other engines away from a database that only one may be at.

use std::{
    fs::{File, OpenOptions, TryLockError},
    str::FromStr,
};

use sqlx::sqlite::SqliteConnectOptions;

use super::{Error, Store};

/// As long as this is there, no other engine gets one of the same database. The end of the process ends it, however it ends.
#[derive(Debug)]
pub struct Hold {
    file: Option<File>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        // Closing the file is not enough: a child that was forked and has not begun its own program has it open too.
        if let Some(file) = &self.file {
            let _ = file.unlock();
        }
    }
}

impl Store {
    /// Reserves the database at `url` for this engine, if it is one that can't be shared. To be done before it is opened.
    ///
    /// # Errors
    /// [`Error::Held`] if another engine uses it.
    pub fn hold(url: &str) -> Result<Hold, Error> {
        if !url.starts_with("sqlite:") {
            return Ok(Hold { file: None });
        }
        let options = SqliteConnectOptions::from_str(url).map_err(|_| Error::Url)?;
        let mut path = options.get_filename().as_os_str().to_owned();
        path.push(".lock");
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(Error::File)?;
        match file.try_lock() {
            Ok(()) => Ok(Hold { file: Some(file) }),
            Err(TryLockError::WouldBlock) => Err(Error::Held(path.to_string_lossy().into_owned())),
            Err(TryLockError::Error(error)) => Err(Error::File(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_engine_at_a_time_has_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/store.sqlite", folder.path().display());
        let first = Store::hold(&url).unwrap();
        let Err(Error::Held(path)) = Store::hold(&url) else { panic!("two engines have it") };
        assert!(path.ends_with("store.sqlite.lock"), "{path}");
        drop(first);
        Store::hold(&url).unwrap();
        let shared = "postgres://localhost/closeloop";
        let (_one, _two) = (Store::hold(shared).unwrap(), Store::hold(shared).unwrap());
    }
}
