//! The signing host: a token for an RSA signature, then virtual accounts for HMAC-signed requests.

use aws_lc_rs::{
    digest,
    encoding::{AsDer, PublicKeyX509Der},
    hmac,
    rand::SystemRandom,
    signature::{self, KeyPair as _},
};
use axum::{body::Body, extract::State, http::HeaderMap, http::Response};
use base64::{Engine, engine::general_purpose::STANDARD};
use closeloop::signing::pem;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::{
    Shared,
    world::{Account, World, hex},
};
use crate::fakes::{self, header};

/// An answer that is not the one that was hoped for; boxed because answers are large.
type Refusal = Box<Response<Body>>;

/// A code is the HTTP status, the service's two digits and two of the case.
fn refuse(status: u16, service: &str, case: &str, message: &str) -> Refusal {
    let code = format!("{status}{service}{case}");
    Box::new(fakes::json(status, &json!({"responseCode": code, "responseMessage": message})))
}

/// `POST /v1.0/access-token/b2b`: RSA-SHA256 over `<client id>|<time stamp>`.
pub(super) async fn token(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let mut world = shared.world();
    issue(&mut world, &headers, &body).unwrap_or_else(|it| *it)
}

fn issue(world: &mut World, headers: &HeaderMap, body: &str) -> Result<Response<Body>, Refusal> {
    const SERVICE: &str = "73";
    let stamp = time_stamp(headers, SERVICE)?;
    let client = header(headers, "x-client-key");
    let given = STANDARD.decode(header(headers, "x-signature")).unwrap_or_default();
    let proven = {
        let public = world.public_key();
        let key = signature::UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, public.as_ref());
        key.verify(format!("{client}|{stamp}").as_bytes(), &given).is_ok()
    };
    if client != world.client_id || !proven {
        return Err(refuse(401, SERVICE, "00", "Unauthorized. Signature"));
    }
    let asked: Json = serde_json::from_str(body).unwrap_or_default();
    // The documentation writes it one way and the provider's own clients the other; both are taken.
    let grant = asked.get("grantType").or(asked.get("grant_type")).and_then(Json::as_str);
    if grant != Some("client_credentials") {
        return Err(refuse(400, SERVICE, "02", "Missing Mandatory Field grantType"));
    }
    let token = format!("eyJhbGciOi{}", world.next());
    let expires = world.now() + SignedDuration::from_secs(900);
    world.tokens.insert(token.clone(), expires);
    let answer = json!({"responseCode": "2007300", "responseMessage": "Successful", "accessToken": token,
        "tokenType": "Bearer", "expiresIn": "900"});
    Ok(fakes::json(200, &answer))
}

/// `POST /v1.0/transfer-va/create-va`. The same request again gives the same account.
pub(super) async fn create_account(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let mut world = shared.world();
    create(&mut world, &headers, &body).unwrap_or_else(|it| *it)
}

fn create(world: &mut World, headers: &HeaderMap, body: &str) -> Result<Response<Body>, Refusal> {
    const SERVICE: &str = "27";
    verify(world, headers, "/v1.0/transfer-va/create-va", body, SERVICE)?;
    let asked: Json = serde_json::from_str(body).unwrap_or_default();
    let field = |name: &str| asked[name].as_str().unwrap_or_default();
    for name in ["partnerServiceId", "customerNo", "virtualAccountNo", "virtualAccountName", "trxId"] {
        if field(name).is_empty() {
            return Err(refuse(400, SERVICE, "02", &format!("Invalid Mandatory Field {name}")));
        }
    }
    let joined = format!("{}{}", field("partnerServiceId"), field("customerNo"));
    if field("partnerServiceId").len() != 8 || field("virtualAccountNo") != joined {
        return Err(refuse(400, SERVICE, "01", "Invalid Field Format virtualAccountNo"));
    }
    let trx_id = field("trxId").to_owned();
    if header(headers, "x-external-id") != trx_id {
        return Err(refuse(400, SERVICE, "01", "Invalid Field Format X-EXTERNAL-ID"));
    }
    if let Some(earlier) = world.accounts.get(&trx_id) {
        if earlier.asked == body {
            return Ok(created(&earlier.data));
        }
        return Err(refuse(409, SERVICE, "00", "Conflict"));
    }
    let mut data = asked.clone();
    // The bank may give another number than was asked for; this one always does.
    let number = format!("{joined}{:02}", world.next());
    data["virtualAccountNo"] = number.into();
    if data.get("expiredDate").is_none() {
        let end = world.now() + SignedDuration::from_hours(24);
        data["expiredDate"] = end.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string().into();
    }
    let answer = created(&data);
    world.accounts.insert(trx_id, Account { asked: body.to_owned(), data, paid: None });
    Ok(answer)
}

fn created(data: &Json) -> Response<Body> {
    fakes::json(200, &json!({"responseCode": "2002700", "responseMessage": "Successful", "virtualAccountData": data}))
}

/// `POST /v1.0/transfer-va/status`
pub(super) async fn account_status(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response<Body> {
    let world = shared.world();
    look_up(&world, &headers, &body).unwrap_or_else(|it| *it)
}

fn look_up(world: &World, headers: &HeaderMap, body: &str) -> Result<Response<Body>, Refusal> {
    const SERVICE: &str = "26";
    verify(world, headers, "/v1.0/transfer-va/status", body, SERVICE)?;
    let asked: Json = serde_json::from_str(body).unwrap_or_default();
    let account = asked["inquiryRequestId"].as_str().and_then(|it| world.accounts.get(it));
    let same = |it: &&Account| it.data["virtualAccountNo"] == asked["virtualAccountNo"];
    let account = account.filter(same).ok_or_else(|| refuse(404, SERVICE, "12", "Invalid Bill/Virtual Account"))?;
    let mut data = account.data.clone();
    let (flag, reason) = if account.paid.is_some() { ("00", "Success") } else { ("03", "Pending") };
    data["paymentFlagStatus"] = flag.into();
    data["paymentFlagReason"] = json!({"english": reason});
    if let Some(paid) = &account.paid {
        data["transactionDate"] = paid.as_str().into();
    }
    let answer = json!({"responseCode": "2002600", "responseMessage": "Successful", "virtualAccountData": data});
    Ok(fakes::json(200, &answer))
}

impl World {
    /// The key that merchants know the provider by, as PEM.
    pub(crate) fn own_public_key(&self) -> String {
        let der: PublicKeyX509Der<'_> = self.own_keys().public_key().as_der().expect("a generated key can be written");
        pem("PUBLIC KEY", der.as_ref())
    }

    /// What the merchant is told of a virtual account as it stands, at this path: headers, and a body that is printed for people.
    /// Signed is what it means: `POST:<path>:<hex of SHA-256 of the body without white space>:<time stamp>`, by RSA-SHA256.
    pub(crate) fn account_notification(&self, trx_id: &str, path: &str) -> (Vec<(&'static str, String)>, String) {
        let account = &self.accounts[trx_id];
        let mut told = json!({"paymentRequestId": format!("pr-{trx_id}"), "paidAmount": account.data["totalAmount"]});
        for name in ["partnerServiceId", "customerNo", "virtualAccountNo", "trxId"] {
            told[name] = account.data[name].clone();
        }
        let flag = if account.paid.is_some() { "00" } else { "03" };
        told["additionalInfo"] = json!({"paymentFlagStatus": flag});
        let stamp = self.now().strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string();
        let hash = hex(digest::digest(&digest::SHA256, told.to_string().as_bytes()).as_ref());
        let signed = format!("POST:{path}:{hash}:{stamp}");
        let mut signature = vec![0; self.own_keys().public_modulus_len()];
        self.own_keys()
            .sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .expect("it has room");
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("x-timestamp", stamp),
            ("x-signature", STANDARD.encode(signature)),
            ("x-partner-id", self.partner_id.clone()),
        ];
        (headers, format!("{told:#}"))
    }
}

/// `<method>:<path>:<token>:<hex of SHA-256 of the body as sent>:<time stamp>`, HMAC-SHA512 with the client secret.
fn verify(world: &World, headers: &HeaderMap, path: &str, body: &str, service: &str) -> Result<(), Refusal> {
    let stamp = time_stamp(headers, service)?;
    let token = header(headers, "authorization").strip_prefix("Bearer ").unwrap_or_default();
    if world.tokens.get(token).is_none_or(|it| *it <= world.now()) {
        return Err(refuse(401, service, "01", "Access Token Invalid"));
    }
    let hash = hex(digest::digest(&digest::SHA256, body.as_bytes()).as_ref());
    let signed = format!("POST:{path}:{token}:{hash}:{stamp}");
    let key = hmac::Key::new(hmac::HMAC_SHA512, world.client_secret.as_bytes());
    let given = STANDARD.decode(header(headers, "x-signature")).unwrap_or_default();
    if hmac::verify(&key, signed.as_bytes(), &given).is_err() || header(headers, "x-partner-id") != world.partner_id {
        return Err(refuse(401, service, "00", "Unauthorized. Signature"));
    }
    let channel = header(headers, "channel-id");
    if channel.len() != 5 || !channel.bytes().all(|it| it.is_ascii_digit()) {
        return Err(refuse(400, service, "01", "Invalid Field Format CHANNEL-ID"));
    }
    Ok(())
}

/// The time stamp as it was sent; it must have an offset.
fn time_stamp<'a>(headers: &'a HeaderMap, service: &str) -> Result<&'a str, Refusal> {
    let stamp = header(headers, "x-timestamp");
    if stamp.parse::<Timestamp>().is_err() {
        return Err(refuse(400, service, "01", "Invalid Field Format X-TIMESTAMP"));
    }
    Ok(stamp)
}
