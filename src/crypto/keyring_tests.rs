use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::system::SystemRandom;

fn ring(ids: &[&str]) -> KeyRing {
    let text: Vec<_> = ids.iter().map(|id| KeyRing::generate(id, &SystemRandom).expose().to_owned()).collect();
    KeyRing::parse(&Secret::new(text.join(","))).unwrap()
}

fn context() -> Context {
    let now = Timestamp::UNIX_EPOCH;
    Context {
        org: OrgId::new(now, &SystemRandom),
        connection: ConnectionId::new(now, &SystemRandom),
        purpose: Purpose::Credential,
    }
}

#[test]
fn a_ring_is_read_whatever_separates_its_keys() {
    let (one, two) = (KeyRing::generate("k1", &SystemRandom), KeyRing::generate("k2", &SystemRandom));
    for separator in [",", ", ", "\n", " \n\n "] {
        let text = format!("{}{separator}{}{separator}", one.expose(), two.expose());
        assert_eq!(format!("{:?}", KeyRing::parse(&Secret::new(text)).unwrap()), r#"["k1", "k2"]"#);
    }
}

#[test]
fn a_bad_ring_is_refused_without_showing_it() {
    let good = KeyRing::generate("k1", &SystemRandom);
    let good = good.expose();
    let cases = [
        (String::new(), KeyRingError::Empty),
        (" ,\n".into(), KeyRingError::Empty),
        ("AAAA".into(), KeyRingError::Entry(1)),
        (format!("{good} k2:AAAA"), KeyRingError::Entry(2)),
        (format!("{good} k2:not*base64"), KeyRingError::Entry(2)),
        (format!("{good} {good}"), KeyRingError::Twice(2)),
        (good.replace("k1", "k.1"), KeyRingError::Id(1)),
        (good.replace("k1", ""), KeyRingError::Id(1)),
        (good.replace("k1", &"k".repeat(33)), KeyRingError::Id(1)),
    ];
    for (text, expected) in cases {
        assert_eq!(KeyRing::parse(&Secret::new(text)).unwrap_err(), expected);
    }
}

#[test]
fn what_was_sealed_opens_only_where_it_belongs() {
    let ring = ring(&["k1"]);
    let (here, elsewhere) = (context(), context());
    let sealed = ring.seal(&here, b"a secret", &SystemRandom);
    assert_eq!(ring.open(&here, &sealed).unwrap().as_slice(), b"a secret");
    for wrong in [
        Context { org: elsewhere.org, ..here },
        Context { connection: elsewhere.connection, ..here },
        Context { purpose: Purpose::Authorization, ..here },
    ] {
        assert_eq!(ring.open(&wrong, &sealed), Err(OpenError::Refused));
    }
}

#[test]
fn any_altered_or_missing_byte_is_noticed() {
    let ring = ring(&["k1"]);
    let here = context();
    let sealed = ring.seal(&here, b"a secret", &SystemRandom);
    for place in 0..sealed.as_bytes().len() {
        let mut altered = sealed.as_bytes().to_vec();
        altered[place] ^= 1;
        assert!(ring.open(&here, &Sealed::from_bytes(altered)).is_err(), "byte {place}");
        let cut = sealed.as_bytes()[..place].to_vec();
        assert!(ring.open(&here, &Sealed::from_bytes(cut)).is_err(), "length {place}");
    }
}

#[test]
fn the_same_text_never_seals_to_the_same_bytes_nor_shows_in_them() {
    let ring = ring(&["k1"]);
    let here = context();
    let (first, second) = (ring.seal(&here, b"a secret", &SystemRandom), ring.seal(&here, b"a secret", &SystemRandom));
    assert_ne!(first, second);
    assert!(!first.as_bytes().windows(6).any(|it| it == b"secret"));
}

#[test]
fn keys_rotate_by_putting_a_new_one_first() {
    let (old, new) = (KeyRing::generate("k1", &SystemRandom), KeyRing::generate("k2", &SystemRandom));
    let before = KeyRing::parse(&old).unwrap();
    let during = KeyRing::parse(&Secret::new(format!("{} {}", new.expose(), old.expose()))).unwrap();
    let after = KeyRing::parse(&new).unwrap();
    let here = context();

    let sealed = before.seal(&here, b"a secret", &SystemRandom);
    assert!(before.is_current(&sealed) && !during.is_current(&sealed));
    let plain = during.open(&here, &sealed).unwrap();
    let again = during.seal(&here, &plain, &SystemRandom);
    assert!(during.is_current(&again));
    assert_eq!(after.open(&here, &again).unwrap(), plain);
    assert_eq!(after.open(&here, &sealed), Err(OpenError::UnknownKey("k1".into())));
}

#[test]
fn another_key_of_the_same_id_opens_nothing() {
    let here = context();
    let sealed = ring(&["k1"]).seal(&here, b"a secret", &SystemRandom);
    assert_eq!(ring(&["k1"]).open(&here, &sealed), Err(OpenError::Refused));
}

proptest! {
    #[test]
    fn everything_sealed_opens_again(plain: Vec<u8>) {
        let ring = ring(&["k1"]);
        let here = context();
        let sealed = ring.seal(&here, &plain, &SystemRandom);
        prop_assert_eq!(ring.open(&here, &sealed).unwrap().to_vec(), plain);
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        prop_assert!(ring(&["k1"]).open(&context(), &Sealed::from_bytes(bytes)).is_err());
    }
}
