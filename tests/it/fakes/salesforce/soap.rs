//! What only SOAP can do: the conversion of a lead. The token stands in the body, and failures are faults.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, Response, StatusCode, header},
};
use serde_json::Value as Json;

use super::{Shared, world::World};
use crate::fakes;

const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";

pub(super) async fn call(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let mut world = shared.world();
    let is_soap = fakes::header(&headers, "content-type").starts_with("text/xml") && headers.contains_key("soapaction");
    if !is_soap || !body.contains(ENVELOPE) {
        return fault("soapenv:Client", "this is no envelope");
    }
    if !world.access_tokens.contains(&text(&body, "sessionId")) {
        return fault("sf:INVALID_SESSION_ID", "INVALID_SESSION_ID: Invalid Session ID found in SessionHeader");
    }
    match convert(&mut world, &body) {
        Ok(()) => result("<success>true</success>"),
        Err((code, message)) => result(&format!(
            "<errors><message>{message}</message><statusCode>{code}</statusCode></errors><success>false</success>"
        )),
    }
}

fn convert(world: &mut World, body: &str) -> Result<(), (&'static str, &'static str)> {
    if text(body, "convertedStatus") != "Qualified" {
        return Err(("INVALID_STATUS", "invalid convertedStatus"));
    }
    let (id, opportunity) = (text(body, "leadId"), text(body, "opportunityName"));
    let ids = [world.next(), world.next(), world.next()];
    let lead = world.records_mut("Lead").iter_mut().find(|it| it["Id"] == id.as_str());
    let lead = lead.ok_or(("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"))?;
    if lead["IsConverted"] == true {
        return Err(("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead"));
    }
    let wants_opportunity = text(body, "doNotCreateOpportunity") == "false";
    let made = [("ConvertedAccountId", "001"), ("ConvertedContactId", "003"), ("ConvertedOpportunityId", "006")];
    for ((name, prefix), number) in made.into_iter().zip(ids) {
        let is_made = prefix != "006" || wants_opportunity;
        let id = if is_made { Json::from(format!("{prefix}Kd{number:010}AAA")) } else { Json::Null };
        lead.insert(name.to_owned(), id);
    }
    lead.insert("IsConverted".to_owned(), true.into());
    lead.insert("OpportunityName".to_owned(), opportunity.into());
    Ok(())
}

/// The text of the first element of that name in the request's namespace; empty if there is none.
fn text(body: &str, name: &str) -> String {
    let (open, close) = (format!("<p:{name}>"), format!("</p:{name}>"));
    let inner = body.split_once(&open).and_then(|(_, rest)| rest.split_once(&close)).map_or("", |(inner, _)| inner);
    inner.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'").replace("&amp;", "&")
}

fn result(inner: &str) -> Response<Body> {
    envelope(StatusCode::OK, &format!("<convertLeadResponse><result>{inner}</result></convertLeadResponse>"))
}

fn fault(code: &str, words: &str) -> Response<Body> {
    let fault = format!(
        "<soapenv:Fault xmlns=\"\"><faultcode>{code}</faultcode><faultstring>{words}</faultstring></soapenv:Fault>"
    );
    envelope(StatusCode::INTERNAL_SERVER_ERROR, &fault)
}

fn envelope(status: StatusCode, inner: &str) -> Response<Body> {
    let body = format!(
        "<soapenv:Envelope xmlns:soapenv=\"{ENVELOPE}\" xmlns=\"urn:partner.soap.sforce.com\"><soapenv:Body>{inner}</soapenv:Body></soapenv:Envelope>"
    );
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "text/xml; charset=utf-8")
        .body(Body::from(body))
        .expect("a status, one header and a body make an answer")
}
