//! Messages are read back by a parser that isn't the builder's.

use mail_parser::{MessageParser, MimeHeaders};
use proptest::prelude::*;

use super::*;

fn mail() -> Mail {
    Mail {
        from: Some(Address::parse("Acme Bookings <owner@example.com>").unwrap()),
        to: vec![Address::parse("\"Ruiz, Ana\" <ana.ruiz@example.com>").unwrap()],
        subject: "Ihr Termin – 1. Dezember".to_owned(),
        date: 1_795_000_000,
        text: Some("Hallo Ana, bis Dienstag 10:00.\n".to_owned()),
        ..Mail::default()
    }
}

#[test]
fn a_message_is_what_a_mail_server_takes_and_always_the_same() {
    let written = write(&mail()).unwrap();
    assert!(written.contains("To: \"Ruiz, Ana\" <ana.ruiz@example.com>\r\n"), "{written}");
    assert!(written.contains("Subject: =?utf-8?"), "{written}");
    assert!(written.contains("\r\n\r\n"), "{written}");
    assert!(!written.replace("\r\n", "").contains(['\r', '\n']), "{written}");
    assert_eq!(written, write(&mail()).unwrap());
    let other = Mail { text: Some("Another".to_owned()), ..mail() };
    assert_ne!(write(&other).unwrap().lines().find(|it| it.starts_with("Message-ID")), None);
}

#[test]
fn answers_and_files_are_told_apart() {
    let pdf = || Attachment {
        name: "Kostenvoranschlag für Ana.pdf".to_owned(),
        content_type: "application/pdf".to_owned(),
        data: vec![0, 159, 146, 150, b'\r', b'\n'],
    };
    let invitation = || Attachment {
        name: "invite.ics".to_owned(),
        content_type: "text/calendar; method=REQUEST".to_owned(),
        data: b"BEGIN:VCALENDAR\n".to_vec(),
    };
    let mail = Mail {
        html: Some("<p>Hallo Ana</p>".to_owned()),
        message_id: Some(message_id("<exec-1@example.com>").unwrap()),
        in_reply_to: Some(message_id("CAB@mail.example.com").unwrap()),
        references: vec!["a@b".to_owned(), "CAB@mail.example.com".to_owned()],
        attachments: vec![pdf(), invitation()],
        ..mail()
    };
    let written = write(&mail).unwrap();
    assert_eq!(written, write(&mail).unwrap());
    let read = MessageParser::default().parse(written.as_bytes()).unwrap();
    assert_eq!(read.subject(), Some("Ihr Termin – 1. Dezember"));
    assert_eq!(read.message_id(), Some("exec-1@example.com"));
    assert_eq!(read.in_reply_to().as_text(), Some("CAB@mail.example.com"));
    assert_eq!(read.references().as_text_list().unwrap(), ["a@b", "CAB@mail.example.com"]);
    assert_eq!(read.body_text(0).unwrap().trim_end(), "Hallo Ana, bis Dienstag 10:00.");
    assert_eq!(read.body_html(0).unwrap(), "<p>Hallo Ana</p>");
    let files: Vec<_> = read.attachments().collect();
    assert_eq!(files.len(), 2);
    assert_eq!(files[0].attachment_name(), Some("Kostenvoranschlag für Ana.pdf"));
    assert_eq!(files[0].contents(), pdf().data);
    assert_eq!(files[1].contents(), invitation().data);
    assert_eq!(files[1].content_type().unwrap().attribute("method"), Some("REQUEST"));
}

#[test]
fn what_would_be_another_header_or_address_is_refused() {
    for text in
        ["", "ana", "@example.com", "ana@", "a@b, c@d", "a b@c", "<a@b", "a@b>\r\nBcc: c@d", "x <a@b\r\nc>", "a@@b"]
    {
        assert!(Address::parse(text).is_err(), "{text}");
    }
    assert_eq!(Address::parse("Ana <a@b.c>").unwrap(), Address { name: Some("Ana".into()), email: "a@b.c".into() });
    assert!(Address::new(Some("Ana\r\nBcc: x@y".into()), "a@b").is_err());
    for id in ["", "<>", "a b", "a@b> <c", "a\r\nb"] {
        assert!(message_id(id).is_err(), "{id}");
    }
    assert!(write(&Mail { subject: "a\r\nBcc: x@y".into(), ..mail() }).is_err());
    assert!(write(&Mail { to: Vec::new(), ..mail() }).is_err());
    assert!(write(&Mail { text: None, ..mail() }).is_err());
    for wrong in ["pdf", "a/b\r\nX: y", "a/b; c", "/"] {
        let file = Attachment { name: "x".into(), content_type: wrong.into(), data: Vec::new() };
        assert!(write(&Mail { attachments: vec![file], ..mail() }).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn whatever_is_written_comes_back(subject in any::<String>(), name in any::<String>(), text in any::<String>()) {
        let (subject, name) = (subject.trim().to_owned(), name.trim().to_owned());
        let Ok(to) = Address::new(Some(name.clone()), "ana@example.com") else {
            prop_assert!(name.chars().any(char::is_control));
            return Ok(());
        };
        let mail = Mail { to: vec![to], subject: subject.clone(), text: Some(text.clone()), ..mail() };
        let Ok(written) = write(&mail) else {
            prop_assert!(subject.chars().any(char::is_control));
            return Ok(());
        };
        let (head, _) = written.split_once("\r\n\r\n").expect("an empty line ends the head");
        prop_assert!(head.is_ascii());
        let names = head.split("\r\n").filter(|it| !it.starts_with([' ', '\t'])).map(|it| it.split(':').next());
        let mut names: Vec<_> = names.flatten().map(str::to_ascii_lowercase).collect();
        names.sort_unstable();
        names.dedup();
        prop_assert!(names.len() <= 8, "{names:?}");
        let read = MessageParser::default().parse(written.as_bytes()).expect("a message");
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        prop_assert_eq!(squeezed(read.subject().unwrap_or_default()), squeezed(&subject));
        let to = read.to().and_then(|it| it.first()).expect("an address");
        prop_assert_eq!(to.address(), Some("ana@example.com"));
        prop_assert_eq!(squeezed(to.name().unwrap_or_default()), squeezed(&name));
    }
}
