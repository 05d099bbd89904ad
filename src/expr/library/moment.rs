//! Points in time as connectors see them: RFC 3339 text.

use std::fmt;

use jiff::{
    SignedDuration, Timestamp, Zoned,
    civil::{Date, Time},
    fmt::temporal::{Pieces, PiecesOffset},
    tz::{Offset, TimeZone},
};

/// A date-time with offset, or a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// `2026-12-01T09:30:00+07:00`
    Instant(Instant),
    /// `2026-12-01`
    Date(Date),
}

/// An instant, and the offset that it is written with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instant {
    pub(super) at: Timestamp,
    /// `None` is `Z`.
    offset: Option<Offset>,
}

const NO_TIME: &str = "it is not a date-time with offset, nor a date";

impl Moment {
    /// Reads RFC 3339. A date-time without offset says nothing and is refused.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let pieces = Pieces::parse(text.trim()).map_err(|_| NO_TIME)?;
        if pieces.time_zone_annotation().is_some() {
            return Err(NO_TIME.into());
        }
        let Some(time) = pieces.time() else { return Ok(Self::Date(pieces.date())) };
        let offset =
            pieces.offset().ok_or("the date-time has no offset, such as `+07:00`; `parse_time` reads one in a zone")?;
        let at = offset.to_numeric_offset().to_timestamp(pieces.date().to_datetime(time)).map_err(|_| NO_TIME)?;
        let offset = match offset {
            PiecesOffset::Zulu => None,
            other => Some(other.to_numeric_offset()),
        };
        Ok(Self::Instant(Instant { at, offset }))
    }

    /// The date as it is written.
    pub(super) fn date(self) -> Date {
        match self {
            Self::Date(date) => date,
            Self::Instant(it) => it.in_own_offset().date(),
        }
    }

    /// A date is its first instant in `zone`.
    pub(super) fn start_in(self, zone: &TimeZone) -> Result<Timestamp, String> {
        match self {
            Self::Instant(it) => Ok(it.at),
            Self::Date(date) => first_instant(date, zone),
        }
    }
}

/// When a day begins in a zone: usually midnight.
pub(super) fn first_instant(date: Date, zone: &TimeZone) -> Result<Timestamp, String> {
    let start = date.to_datetime(Time::midnight());
    zone.to_ambiguous_timestamp(start).compatible().map_err(|_| "the date is out of range".into())
}

impl Instant {
    /// Written as `Z`.
    pub(super) fn utc(at: Timestamp) -> Self {
        Self { at, offset: None }
    }

    /// Written with the offset that `zone` has then.
    pub(super) fn in_zone(at: Timestamp, zone: &TimeZone) -> Self {
        Self { at, offset: Some(zone.to_offset(at)) }
    }

    /// Later (or earlier), with the same offset.
    pub(super) fn plus(self, duration: SignedDuration) -> Result<Self, String> {
        let at = self.at.checked_add(duration).map_err(|_| "the time is out of range")?;
        Ok(Self { at, ..self })
    }

    pub(super) fn in_own_offset(self) -> Zoned {
        self.at.to_zoned(self.offset.unwrap_or(Offset::UTC).to_time_zone())
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.offset {
            None => write!(f, "{}", self.at),
            Some(offset) => write!(f, "{}", self.at.display_with_offset(offset)),
        }
    }
}
