//! Places: which are near, and whether they are open.

use minijinja::{Value, value::ValueKind};

use super::{
    Call, Entry, Gives, Kind, Outcome, calendar, call, function,
    moment::Moment,
    opening::{self, Opening},
    optional, required,
    time::zone_of,
};
use crate::expr::types::Type;

/// Mean radius of the Earth in kilometres (IUGG).
const EARTH_KM: f64 = 6371.0088;
const MAX_PLACES: usize = 20_000;
const MAX_FOUND: i64 = 1000;

pub(super) const ENTRIES: &[Entry] = &[
    function(
        "nearest",
        &[
            required("places", Kind::List),
            required("latitude", Kind::Any),
            required("longitude", Kind::Any),
            optional("limit", Kind::Integer),
            optional("max_km", Kind::Number),
        ],
        "The places nearest to a point, each with its `distance_km` as the crow flies, the nearest first: at most `limit` (default 5) and within `max_km`. Places are mappings with `latitude` and `longitude` (or `lat` and `lng`, `lon` or `long`, in any case) as numbers or text; those without are left out.",
        (
            "nearest([{'name': 'Bandung', 'lat': '-6.9147', 'lng': '107.6098'}, {'name': 'Bogor', 'lat': -6.595, 'lng': 106.8166}], latitude=-6.2088, longitude=106.8456, limit=1)",
            r#"[{"name":"Bogor","lat":-6.595,"lng":106.8166,"distance_km":43.06}]"#,
        ),
        nearest,
    )
    .gives(Gives::List),
    function(
        "open_at",
        &[required("hours", Kind::Any), required("at", Kind::Time), required("timezone", Kind::Zone)],
        "Whether a place is open then: by weekly hours as `free_slots` takes them, or by text such as `Mon-Fri 09:00-17:00; Sat 10:00-14:00` (days in English or Indonesian, `daily`, `closed`, `24/7`). Undefined if the text can't be read.",
        ("open_at('Mon-Fri 09:00-17:00', at='2026-12-01T03:00:00Z', timezone='Asia/Jakarta')", "true"),
        open_at,
    )
    .gives(Gives::Of(|_| Type::BOOLEAN.or_undefined())),
];

/// A point on the Earth, in degrees.
#[derive(Debug, Clone, Copy)]
struct Point {
    latitude: f64,
    longitude: f64,
}

impl Point {
    fn new(latitude: &Value, longitude: &Value) -> Option<Self> {
        let (latitude, longitude) = (degrees(latitude)?, degrees(longitude)?);
        let is_there = latitude.abs() <= 90.0 && longitude.abs() <= 180.0;
        is_there.then_some(Self { latitude, longitude })
    }

    /// By the haversine formula: exact to half a percent, which roads make up for.
    fn kilometres_to(self, other: Self) -> f64 {
        let half_sine = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
        let cosines = self.latitude.to_radians().cos() * other.latitude.to_radians().cos();
        let chord = half_sine(other.latitude - self.latitude) + cosines * half_sine(other.longitude - self.longitude);
        2.0 * EARTH_KM * chord.clamp(0.0, 1.0).sqrt().asin()
    }
}

/// A number, or text as spreadsheets write one: with a comma in some countries.
fn degrees(value: &Value) -> Option<f64> {
    let number = match value.as_str() {
        Some(text) => {
            let text = text.trim().trim_end_matches('°').replace('−', "-");
            let text = if text.contains('.') { text } else { text.replacen(',', ".", 1) };
            text.parse().ok()?
        }
        None if value.is_number() => f64::try_from(value.clone()).ok()?,
        None => return None,
    };
    number.is_finite().then_some(number)
}

fn nearest(call: &Call) -> Outcome {
    let argument = |name: &str| call.raw(name).cloned().unwrap_or_default();
    let here = Point::new(&argument("latitude"), &argument("longitude"));
    let here = here.ok_or_else(|| call.about("`latitude` is -90 to 90 and `longitude` -180 to 180, in degrees"))?;
    let places = call.arg("places").and_then(call::list);
    let places = places.ok_or_else(|| call.about("`places` must be a list of mappings"))?;
    if places.len() > MAX_PLACES {
        return Err(call.about("there are more than 20,000 places"));
    }
    let limit = call.integer_arg("limit")?.unwrap_or(5);
    let limit = usize::try_from(limit).ok().filter(|_| (1..=MAX_FOUND).contains(&limit));
    let limit = limit.ok_or_else(|| call.about("`limit` is 1 to 1,000"))?;
    let farthest = match call.arg("max_km") {
        Some(value) => degrees(value).ok_or_else(|| call.about("`max_km` must be a number"))?,
        None => f64::INFINITY,
    };
    let distance = |place: Value| Some((here.kilometres_to(point_of(&place)?), place));
    let mut found: Vec<(f64, Value)> = places.into_iter().filter_map(distance).filter(|it| it.0 <= farthest).collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found.truncate(limit);
    Ok(found.into_iter().map(|(distance, place)| with_distance(&place, distance)).collect())
}

/// Where a place is, by whatever names its columns have.
fn point_of(place: &Value) -> Option<Point> {
    let keys: Vec<Value> = Some(place).filter(|it| it.kind() == ValueKind::Map)?.try_iter().ok()?.collect();
    let of = |names: &[&str]| {
        let is_name = |it: &&Value| it.as_str().is_some_and(|it| names.contains(&it.trim().to_lowercase().as_str()));
        keys.iter().find(is_name).and_then(|key| place.get_item(key).ok())
    };
    Point::new(&of(&["latitude", "lat"])?, &of(&["longitude", "lng", "lon", "long"])?)
}

fn with_distance(place: &Value, distance: f64) -> Value {
    let keys = place.try_iter().into_iter().flatten();
    let own = keys.map(|key| (key.clone(), place.get_item(&key).unwrap_or_default()));
    let rounded = (distance * 100.0).round() / 100.0;
    Value::from_pairs(own.chain([(Value::from("distance_km"), Value::from(rounded))]))
}

fn open_at(call: &Call) -> Outcome {
    let zone = zone_of(call, "timezone")?;
    let at = call.text_arg("at")?.unwrap_or_default();
    let at = match Moment::parse(&at).map_err(|message| call.about(&message))? {
        Moment::Instant(it) => it.at.to_zoned(zone),
        Moment::Date(_) => return Err(call.about("`at` is an instant, not a day")),
    };
    let openings = match call.raw("hours") {
        Some(hours) if hours.kind() == ValueKind::Map => weekly(call)?,
        Some(hours) => match hours.as_str().and_then(opening::read) {
            Some(openings) => openings,
            None => return Ok(Value::UNDEFINED),
        },
        None => return Ok(Value::UNDEFINED),
    };
    let day = usize::try_from(at.weekday().to_monday_zero_offset()).unwrap_or_default();
    let minute = u16::try_from(i32::from(at.hour()) * 60 + i32::from(at.minute())).unwrap_or_default();
    Ok(opening::is_open(&openings, day, minute).into())
}

fn weekly(call: &Call) -> Result<Vec<Opening>, String> {
    let week = calendar::hours(call)?;
    let of_day = |(day, times): (usize, Vec<(u16, u16)>)| {
        times.into_iter().map(move |(opens, closes)| Opening { day, opens, closes })
    };
    Ok(week.into_iter().enumerate().flat_map(of_day).collect())
}
