//! WebDAV multistatus (RFC 4918 §13 and §14.16) → one entry per address.
//!
//! ```json
//! [{"href": "/calendars/1/", "url": "https://dav.example.com/calendars/1/",
//!   "props": {"d:displayname": "Work", "d:resourcetype": {"d:collection": "", "c:calendar": ""}},
//!   "failed": {"cs:getctag": 404}},
//!  {"href": "/calendars/2/", "url": "https://dav.example.com/calendars/2/", "status": 404, "props": {}}]
//! ```
//! * `href` is as the server wrote it; `url` is that, resolved against where the answer came from. Both are left out when
//!   the server gave none.
//! * `props` has the properties whose propstat says 2xx, mapped like any XML; a property that is there but empty is `""`.
//! * `failed` has the others that the server names, with the status it gives; left out when there are none.
//! * `status` is there only if it stands directly under the response, which is how an address as a whole fails.

use serde_json::{Map, Value as Json};
use url::Url;

use super::{
    FormatError,
    xml::{
        self, Rules,
        tree::{self, Element},
    },
};

const DAV: &str = "DAV:";

/// Reads a multistatus document that came from `base`.
///
/// # Errors
/// When it is not XML as [`xml::to_json`] wants it, or its root is not `multistatus` in `DAV:`.
pub fn read(document: &[u8], rules: &Rules, base: &Url) -> Result<Json, FormatError> {
    let root = tree::parse(document)?;
    if !root.name.is(DAV, "multistatus") {
        let why = format!("the root element is `{}`, not `multistatus` in `DAV:`", root.name.local);
        return Err(FormatError::new("multistatus", why));
    }
    let responses = root.children.into_iter().filter(|it| it.name.is(DAV, "response"));
    Ok(Json::Array(responses.flat_map(|it| entries(it, rules, base)).collect()))
}

/// One response. It has several addresses only when it tells of nothing but a status (RFC 4918 §14.24), so what it may
/// say of properties goes to the first.
fn entries(response: Element, rules: &Rules, base: &Url) -> Vec<Json> {
    let mut hrefs = Vec::new();
    let mut status_of_all = None;
    let mut props = Map::new();
    let mut failed = Map::new();
    for child in response.children {
        if child.name.is(DAV, "href") {
            hrefs.push(child.text.trim_matches(xml::is_space).to_owned());
        } else if child.name.is(DAV, "status") {
            status_of_all = status(&child);
        } else if child.name.is(DAV, "propstat") {
            propstat(child, rules, &mut props, &mut failed);
        }
    }
    let mut hrefs = hrefs.into_iter();
    let mut entries = vec![entry(hrefs.next(), base, status_of_all, props, failed)];
    entries.extend(hrefs.map(|href| entry(Some(href), base, status_of_all, Map::new(), Map::new())));
    entries
}

fn entry(
    href: Option<String>,
    base: &Url,
    status: Option<u16>,
    props: Map<String, Json>,
    failed: Map<String, Json>,
) -> Json {
    let mut entry = Map::new();
    if let Some(href) = href {
        let url = base.join(&href).ok();
        entry.insert("href".to_owned(), Json::String(href));
        if let Some(url) = url {
            entry.insert("url".to_owned(), Json::String(url.into()));
        }
    }
    if let Some(status) = status {
        entry.insert("status".to_owned(), status.into());
    }
    entry.insert("props".to_owned(), Json::Object(props));
    if !failed.is_empty() {
        entry.insert("failed".to_owned(), Json::Object(failed));
    }
    Json::Object(entry)
}

/// Properties that share a status (§14.22). One without a readable status counts as failed, with status 0.
fn propstat(propstat: Element, rules: &Rules, props: &mut Map<String, Json>, failed: &mut Map<String, Json>) {
    let status = propstat.children.iter().find(|it| it.name.is(DAV, "status")).and_then(status).unwrap_or(0);
    for prop in propstat.children.into_iter().filter(|it| it.name.is(DAV, "prop")) {
        if (200..300).contains(&status) {
            xml::children(prop.children, rules, props);
        } else {
            let names = prop.children.iter().filter_map(|it| xml::name(it, rules));
            failed.extend(names.map(|name| (name, status.into())));
        }
    }
}

/// The number in `HTTP/1.1 404 Not Found`.
fn status(element: &Element) -> Option<u16> {
    element.text.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules() -> Rules {
        let namespaces =
            [("DAV:", "d"), ("urn:ietf:params:xml:ns:caldav", "c"), ("http://calendarserver.org/ns/", "cs")];
        Rules {
            namespaces: namespaces.map(|(uri, prefix)| (uri.to_owned(), prefix.to_owned())).into(),
            arrays: vec!["d:privilege".to_owned(), "c:comp".to_owned()],
        }
    }

    #[track_caller]
    fn check(document: &str, expected: &Json) {
        let base = Url::parse("https://dav.example.com:443/1234/calendars/?x#y").expect("a URL");
        assert_eq!(&read(document.as_bytes(), &rules(), &base).expect(document), expected);
    }

    /// Default namespaces on every element, both quotes, white space, an unknown property with 404.
    #[test]
    fn calendars_of_a_home() {
        let document = r##"<?xml version='1.0' encoding='UTF-8'?>
<multistatus xmlns='DAV:'>
 <response xmlns='DAV:'>
  <href>/1234/calendars/</href>
  <propstat><prop><resourcetype xmlns="DAV:"><collection/></resourcetype></prop><status>HTTP/1.1 200 OK</status></propstat>
  <propstat><prop><getctag xmlns="http://calendarserver.org/ns/"/></prop><status>HTTP/1.1 404 Not Found</status></propstat>
 </response>
 <response xmlns="DAV:">
  <href>
   /1234/calendars/anna%40example.com/
  </href>
  <propstat><prop>
   <resourcetype xmlns="DAV:"><collection/><calendar xmlns="urn:ietf:params:xml:ns:caldav"/></resourcetype>
   <displayname xmlns="DAV:">Bookings</displayname>
   <calendar-color xmlns="http://example.com/ns/ical/">#34AADCFF</calendar-color>
   <getctag xmlns="http://calendarserver.org/ns/">HwoQEgwAAAh4yw8EAA</getctag>
   <supported-calendar-component-set xmlns="urn:ietf:params:xml:ns:caldav"><comp name='VEVENT' xmlns='urn:ietf:params:xml:ns:caldav'/></supported-calendar-component-set>
   <current-user-privilege-set xmlns="DAV:"><privilege><read/></privilege><privilege><write/></privilege></current-user-privilege-set>
  </prop><status>HTTP/1.1 200 OK</status></propstat>
 </response>
</multistatus>"##;
        let expected = json!([
            {
                "url": "https://dav.example.com/1234/calendars/",
                "href": "/1234/calendars/",
                "props": {"d:resourcetype": {"d:collection": ""}},
                "failed": {"cs:getctag": 404},
            },
            {
                "url": "https://dav.example.com/1234/calendars/anna%40example.com/",
                "href": "/1234/calendars/anna%40example.com/",
                "props": {
                    "d:resourcetype": {"d:collection": "", "c:calendar": ""},
                    "d:displayname": "Bookings",
                    "cs:getctag": "HwoQEgwAAAh4yw8EAA",
                    "c:supported-calendar-component-set": {"c:comp": [{"@name": "VEVENT"}]},
                    "d:current-user-privilege-set": {"d:privilege": [{"d:read": ""}, {"d:write": ""}]},
                },
            },
        ]);
        check(document, &expected);
    }

    /// Prefixes, an etag with quotes, iCalendar text as CDATA and as text with references.
    #[test]
    fn events_of_a_calendar() {
        let document = r#"<d:multistatus xmlns:d="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">
<d:response><d:href>https://p42.example.com:443/1.ics</d:href><d:propstat><d:prop><d:getetag>&quot;C=1@U=2&quot;</d:getetag>
<C:calendar-data><![CDATA[BEGIN:VCALENDAR
END:VCALENDAR
]]></C:calendar-data></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>
<d:response><d:href>2.ics</d:href><d:propstat><d:prop>
<C:calendar-data>BEGIN:VCALENDAR&#13;
END:VCALENDAR&#13;
</C:calendar-data></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response></d:multistatus>"#;
        let expected = json!([
            {
                "url": "https://p42.example.com/1.ics",
                "href": "https://p42.example.com:443/1.ics",
                "props": {"d:getetag": "\"C=1@U=2\"", "c:calendar-data": "BEGIN:VCALENDAR\nEND:VCALENDAR"},
            },
            {
                "url": "https://dav.example.com/1234/calendars/2.ics",
                "href": "2.ics",
                "props": {"c:calendar-data": "BEGIN:VCALENDAR\r\nEND:VCALENDAR"},
            },
        ]);
        check(document, &expected);
    }

    #[test]
    fn a_status_of_the_whole_response_is_kept() {
        let document = r#"<multistatus xmlns="DAV:"><response><href>/a</href><href>/b</href><status>HTTP/1.1 404 Not Found</status>
            <error><no-uid-conflict xmlns="urn:ietf:params:xml:ns:caldav"/></error></response><sync-token>1</sync-token></multistatus>"#;
        let expected = json!([
            {"url": "https://dav.example.com/a", "href": "/a", "status": 404, "props": {}},
            {"url": "https://dav.example.com/b", "href": "/b", "status": 404, "props": {}},
        ]);
        check(document, &expected);
    }

    #[test]
    fn odd_responses_are_still_entries() {
        let document = r#"<multistatus xmlns="DAV:"><response/><response><href>http://[</href>
            <propstat><prop><displayname/></prop></propstat></response></multistatus>"#;
        check(document, &json!([{"props": {}}, {"href": "http://[", "props": {}, "failed": {"d:displayname": 0}}]));
        check("<multistatus xmlns='DAV:'/>", &json!([]));
    }

    #[test]
    fn another_document_is_refused() {
        let base = Url::parse("https://dav.example.com/").expect("a URL");
        for document in ["<multistatus/>", "<error xmlns='DAV:'/>", "<html/>"] {
            assert_eq!(read(document.as_bytes(), &rules(), &base).expect_err("a fault").format, "multistatus");
        }
    }
}
