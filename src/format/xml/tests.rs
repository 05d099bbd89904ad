use serde_json::json;

use super::*;

fn rules() -> Rules {
    Rules {
        namespaces: vec![("DAV:".into(), "d".into()), ("urn:ietf:params:xml:ns:caldav".into(), "c".into())],
        arrays: vec!["d:response".into(), "item".into()],
    }
}

#[track_caller]
fn check(document: &str, expected: &Json) {
    assert_eq!(&to_json(document.as_bytes(), &rules()).expect(document), expected, "{document}");
}

#[track_caller]
fn refused(document: &[u8], why: &str) {
    let error = to_json(document, &rules()).expect_err("a fault");
    assert_eq!(error.format, "XML");
    assert!(error.why.contains(why), "{} ≠ {why}", error.why);
}

#[test]
fn an_element_is_its_text_or_a_mapping() {
    check("<a>text</a>", &json!({"a": "text"}));
    check("<a/>", &json!({"a": ""}));
    check("<a></a>", &json!({"a": ""}));
    check("<a>\n  text\n</a>", &json!({"a": "text"}));
    check("<a b='1'/>", &json!({"a": {"@b": "1"}}));
    check("<a b='1'>text</a>", &json!({"a": {"@b": "1", "#text": "text"}}));
    check("<a><b>1</b></a>", &json!({"a": {"b": "1"}}));
    check("<a>before <b>1</b> after</a>", &json!({"a": {"b": "1", "#text": "before  after"}}));
    check("<a>\n  <b>1</b>\n  <c/>\n</a>", &json!({"a": {"b": "1", "c": ""}}));
}

#[test]
fn what_repeats_and_what_is_named_is_a_list() {
    check("<a><b>1</b><c/><b>2</b><b x='3'/></a>", &json!({"a": {"b": ["1", "2", {"@x": "3"}], "c": ""}}));
    check("<a><item>1</item></a>", &json!({"a": {"item": ["1"]}}));
    check("<a><item>1</item><item/></a>", &json!({"a": {"item": ["1", ""]}}));
    check("<a/>", &json!({"a": ""}));
    check("<item/>", &json!({"item": [""]}));
}

#[test]
fn names_are_resolved_whatever_the_prefixes() {
    let expected = json!({"d:a": {"c:b": "1"}});
    check("<a xmlns='DAV:'><b xmlns='urn:ietf:params:xml:ns:caldav'>1</b></a>", &expected);
    check("<D:a xmlns:D=\"DAV:\" xmlns:C='urn:ietf:params:xml:ns:caldav'><C:b>1</C:b></D:a>", &expected);
    check("<c:a xmlns:c='DAV:' xmlns='urn:ietf:params:xml:ns:caldav'><b>1</b></c:a>", &expected);
    check("<a xmlns='DAV:'><b xmlns=''>1</b></a>", &json!({"d:a": {"b": "1"}}));
}

#[test]
fn other_namespaces_are_dropped() {
    check("<a xmlns='DAV:' xmlns:x='urn:x'><x:b><c/></x:b><d x:y='1'>2</d></a>", &json!({"d:a": {"d:d": "2"}}));
    check("<a xmlns='DAV:' xml:lang='en'>text</a>", &json!({"d:a": "text"}));
    check("<a xmlns='DAV:'><b xmlns='urn:x'/></a>", &json!({"d:a": ""}));
    refused(b"<a xmlns='urn:x'/>", "the root element `a` is in namespace `urn:x`");
}

#[test]
fn text_is_exact() {
    check("<a><![CDATA[BEGIN:X\n<&>]]></a>", &json!({"a": "BEGIN:X\n<&>"}));
    check("<a>1<![CDATA[2]]>3</a>", &json!({"a": "123"}));
    check("<a>&lt;&gt;&amp;&apos;&quot;&#228;&#xFC;</a>", &json!({"a": "<>&'\"äü"}));
    check("<a>one&#13;\ntwo&#13;</a>", &json!({"a": "one\r\ntwo"}));
    check("<a>one\r\ntwo\rthree</a>", &json!({"a": "one\ntwo\nthree"}));
    check("<a>1<!-- no -->2<?no?>3</a>", &json!({"a": "123"}));
    check("<a b='&quot;C=1&quot; &amp;'/>", &json!({"a": {"@b": "\"C=1\" &"}}));
    check("\u{FEFF}<?xml version='1.0' encoding='UTF-8'?>\n<a>ä</a>\n", &json!({"a": "ä"}));
}

#[test]
fn what_is_not_plain_xml_is_refused() {
    refused(b"", "no root element");
    refused(b"   ", "no root element");
    refused(b"text", "outside the root");
    refused(b"<a>", "`a` is not closed");
    refused(b"<a></b>", "expected `</a>`");
    refused(b"</a>", "`</a>`");
    refused(b"<a/><b/>", "second root");
    refused(b"<a/>text", "outside the root");
    refused(b"<a b='1' b='2'/>", "duplicated");
    refused(b"<x:a/>", "prefix `x`");
    refused(b"<a x:b='1'/>", "prefix `x`");
    refused(b"<a>&nbsp;</a>", "not one of the five");
    refused(b"<a b='&nbsp;'/>", "nbsp");
    refused(b"<a>&#0;</a>", "");
    refused(b"<a>&#1;</a>", "not a character");
}

#[test]
fn entities_of_the_document_are_refused() {
    refused(b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", "document type");
    refused(b"<!DOCTYPE html><html/>", "document type");
}

#[test]
fn encodings_other_than_utf_8_are_told() {
    refused(b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xE4</a>", "not UTF-8 (at byte 46)");
    refused(b"<?xml version='1.0' encoding='ISO-8859-1'?><a/>", "in ISO-8859-1");
    refused(b"\xFF\xFE<\0a\0/\0>\0", "UTF-16");
}

#[test]
fn depth_and_size_are_bounded() {
    let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    assert!(to_json(nested(64).as_bytes(), &rules()).is_ok());
    refused(nested(65).as_bytes(), "64 deep");
    refused(format!("<a>{}</a>", "<b/>".repeat(200_000)).as_bytes(), "200000 nodes");
    let attributes = |count: usize| (0..count).map(|it| format!(" a{it}=''")).collect::<String>();
    assert!(to_json(format!("<a{}/>", attributes(256)).as_bytes(), &rules()).is_ok());
    refused(format!("<a{}/>", attributes(257)).as_bytes(), "256 attributes");
}

proptest::proptest! {
    #[test]
    fn never_panics(text in ".*") {
        let _ = to_json(text.as_bytes(), &rules());
        let _ = to_json(format!("<a>{text}</a>").as_bytes(), &rules());
    }

    #[test]
    fn escaped_text_comes_back(text in "[^\\p{Cc}\u{FFFE}\u{FFFF}]*") {
        let document = format!("<a>.{}.</a>", quick_xml::escape::escape(text.as_str()));
        proptest::prop_assert_eq!(to_json(document.as_bytes(), &rules()), Ok(serde_json::json!({"a": format!(".{text}.")})));
    }
}
