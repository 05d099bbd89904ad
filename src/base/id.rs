//! Identifiers that tell what they are of: `con_01h455vb4pex5vsknk084sn02q`.
//!
//! The text is a TypeID (version 0.3): a prefix, an underscore, and a UUID version 7 (RFC 9562 §5.7) in 26 characters
//! of Crockford's base 32, lower case. It sorts by the time it was made at, as text and as a value.

use std::{fmt, hash::Hash, marker::PhantomData, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use super::Random;

/// What an id can be of.
pub trait Kind: Copy + Eq + Ord + Hash + Send + Sync + 'static {
    /// Three letters, before the underscore.
    const PREFIX: &'static str;
    /// With its article, for messages: `an org`.
    const NOUN: &'static str;
}

/// Declares a kind and its id.
macro_rules! kinds {
    ($($kind:ident $id:ident $prefix:literal $noun:literal;)*) => {$(
        #[doc = concat!("Marks the id of ", $noun, ".")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $kind {}

        impl Kind for $kind {
            const PREFIX: &'static str = $prefix;
            const NOUN: &'static str = $noun;
        }

        #[doc = concat!("The id of ", $noun, ": `", $prefix, "_…`.")]
        pub type $id = Id<$kind>;
    )*};
}

kinds! {
    Org OrgId "org" "an org";
    ApiKey ApiKeyId "key" "an API key";
    OperatorKey OperatorKeyId "ops" "an operator's key";
    Connection ConnectionId "con" "a connection";
    EnabledAction EnabledActionId "act" "an enabled action";
    Execution ExecutionId "exe" "an execution";
    Event EventId "evt" "an event";
    Delivery DeliveryId "dlv" "a delivery";
    Erasure ErasureId "era" "an erasure";
}

/// An id of one kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id<K>(Uuid, PhantomData<K>);

impl<K: Kind> Id<K> {
    /// A new one, of the instant `now`; before 1970 counts as 1970.
    pub fn new(now: Timestamp, random: &dyn Random) -> Self {
        let mut bytes = [0; 10];
        random.fill(&mut bytes);
        let milliseconds = u64::try_from(now.as_millisecond()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(milliseconds, &bytes).into_uuid(), PhantomData)
    }

    /// The smallest that can be made at the instant `now`: whatever sorts before it was made before.
    pub fn first_of(now: Timestamp) -> Self {
        let milliseconds = u64::try_from(now.as_millisecond()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(milliseconds, &[0; 10]).into_uuid(), PhantomData)
    }

    /// The UUID inside.
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl<K: Kind> Id<K> {
    /// Its text, without the detour of `Display`.
    pub fn text(self) -> String {
        self.with_text(str::to_owned)
    }

    /// What `with` makes of its text, which is nowhere but on the stack.
    pub fn with_text<T>(self, with: impl FnOnce(&str) -> T) -> T {
        const { assert!(K::PREFIX.len() == PREFIX_LENGTH) };
        let mut text = [b'_'; PREFIX_LENGTH + 1 + LENGTH];
        text[..PREFIX_LENGTH].copy_from_slice(K::PREFIX.as_bytes());
        text[PREFIX_LENGTH + 1..].copy_from_slice(&encode(self.0.as_u128()));
        with(str::from_utf8(&text).unwrap_or_default())
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(text))
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        text.strip_prefix(K::PREFIX)
            .and_then(|rest| rest.strip_prefix('_'))
            .and_then(decode)
            .map(|number| Self(Uuid::from_u128(number), PhantomData))
            .ok_or(NotAnId { noun: K::NOUN, prefix: K::PREFIX })
    }
}

impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Some text was given where an id belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the id of {noun} is `{prefix}_` and 26 lower-case letters and digits")]
pub struct NotAnId {
    noun: &'static str,
    prefix: &'static str,
}

/// Whether a text is a UUID in its usual form: 32 hexadecimal digits and four dashes.
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

/// Crockford's alphabet: no `i`, `l`, `o`, `u`.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// All prefixes have three letters.
const PREFIX_LENGTH: usize = 3;

/// 128 bits need 26 digits of 5, of which the first has only 3.
const LENGTH: usize = 26;

fn encode(number: u128) -> [u8; LENGTH] {
    let mut text = [0; LENGTH];
    // twelve digits at a time, which fit a machine's word
    for (index, part) in text.rchunks_mut(12).enumerate() {
        let mut bits = (number >> (60 * index)) as u64;
        for digit in part.iter_mut().rev() {
            *digit = DIGITS[(bits & 31) as usize];
            bits >>= 5;
        }
    }
    text
}

fn decode(text: &str) -> Option<u128> {
    let fits = text.len() == LENGTH && text.as_bytes()[0] <= b'7';
    fits.then(|| text.bytes().try_fold(0, |number: u128, byte| Some((number << 5) | digit(byte)?)))?
}

/// The place of each byte among the digits; [`NO_DIGIT`] of all others.
const PLACES: [u8; 256] = {
    let mut places = [NO_DIGIT; 256];
    let mut place = 0;
    while place < DIGITS.len() {
        places[DIGITS[place] as usize] = place as u8;
        place += 1;
    }
    places
};

const NO_DIGIT: u8 = u8::MAX;

fn digit(byte: u8) -> Option<u128> {
    Some(PLACES[usize::from(byte)]).filter(|it| *it != NO_DIGIT).map(u128::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Zeros;

    impl Random for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    #[test]
    fn text_is_that_of_the_type_id_specification() {
        let uuid = Uuid::parse_str("01890a5d-ac96-774b-bcce-b302099a8057").unwrap();
        let id = Id::<Org>(uuid, PhantomData);
        assert_eq!(id.to_string(), "org_01h455vb4pex5vsknk084sn02q");
        assert_eq!(format!("{id:?}"), id.to_string());
        assert_eq!("org_01h455vb4pex5vsknk084sn02q".parse(), Ok(id));
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for text in [
            "",
            "org",
            "org_",
            "con_01h455vb4pex5vsknk084sn02q",
            "org_01h455vb4pex5vsknk084sn02",
            "org_01h455vb4pex5vsknk084sn02qq",
            "org_81h455vb4pex5vsknk084sn02q",
            "org_01H455VB4PEX5VSKNK084SN02Q",
            "org_01h455vb4pex5vsknk084sn02l",
            "org_01h455vb4pex5vsknk084sné2",
        ] {
            let refused = text.parse::<OrgId>().unwrap_err();
            assert_eq!(
                refused.to_string(),
                "the id of an org is `org_` and 26 lower-case letters and digits",
                "{text}"
            );
        }
    }

    #[test]
    fn later_ids_sort_after_earlier_ones() {
        let at = |second| ConnectionId::new(Timestamp::from_second(second).unwrap(), &Zeros);
        assert!(at(1) < at(2));
        assert!(at(1).to_string() < at(2).to_string());
        assert_eq!(at(1).uuid().get_version_num(), 7);
        assert_eq!(at(-5), at(0));
        let first = ConnectionId::first_of(Timestamp::from_second(2).unwrap());
        assert!(at(1) < first && first <= at(2));
    }

    proptest! {
        #[test]
        fn every_id_reads_back(number: u128) {
            let id = Id::<Execution>(Uuid::from_u128(number), PhantomData);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
            let json = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(serde_json::from_str::<ExecutionId>(&json).unwrap(), id);
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = text.parse::<OrgId>();
            let _ = format!("org_{text}").parse::<OrgId>();
        }
    }
}
