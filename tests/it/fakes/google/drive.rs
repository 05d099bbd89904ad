//! Files: find, read, create, copy, change, share.

use axum::{
    body::{Body, Bytes},
    extract::{Path, RawQuery, State},
    http::{HeaderMap, Response, StatusCode, header},
};
use indexmap::IndexMap;
use serde_json::{Value as Json, json};

use super::{
    Shared, mask, query,
    wire::{self, Refusal, refuse},
    world::World,
};
use crate::fakes::{self, param};

const LIST: [&str; 5] = ["drive.file", "drive.metadata.readonly", "drive.readonly", "drive.metadata", "drive"];
const WRITE: [&str; 2] = ["drive.file", "drive"];
const CONTENT: [&str; 3] = ["drive.file", "drive.readonly", "drive"];

/// What a file is called that has parts of its own elsewhere, such as a document.
const EDITORS: &str = "application/vnd.google-apps.";

/// The files by their ids, the latest last.
pub(super) type Files = IndexMap<String, File>;

/// A file.
#[derive(Clone, Default)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) mime: String,
    pub(crate) parent: String,
    pub(crate) content: Vec<u8>,
    pub(crate) trashed: bool,
    /// Whether it came from this project, which is all that `drive.file` lets it see.
    pub(crate) ours: bool,
    /// Whether it lies in a shared drive: who doesn't say that such files are understood finds none.
    pub(crate) shared_drive: bool,
    pub(crate) properties: Json,
    /// `{id, type, role, emailAddress}` each.
    pub(crate) permissions: Vec<Json>,
}

impl File {
    fn show(&self, id: &str) -> Json {
        let at = if self.mime.starts_with(EDITORS) { "docs.google.com/document" } else { "drive.google.com/file" };
        let mut shown = json!({
            "kind": "drive#file", "id": id, "name": self.name, "mimeType": self.mime, "parents": [self.parent], "trashed": self.trashed,
            "modifiedTime": "2026-11-20T08:11:02.345Z", "webViewLink": format!("https://{at}/d/{id}/view"), "permissions": self.permissions,
        });
        if !self.mime.starts_with(EDITORS) {
            shown["size"] = self.content.len().to_string().into();
        }
        shown
    }
}

/// `files.list`
pub(super) async fn list(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let asked = fakes::pairs(&query.unwrap_or_default());
    let world = shared.world();
    let outcome = (|| {
        wire::authorise(&world, &headers, &LIST)?;
        let all = wire::holds(&world, &headers, &LIST[1..]);
        let conditions = query::parse(param(&asked, "q").unwrap_or_default());
        let conditions = conditions.ok_or_else(|| refuse(400, "global", "invalid", "Invalid Value"))?;
        let drives = param(&asked, "includeItemsFromAllDrives") == Some("true");
        let seen = |it: &File| (all || it.ours) && (drives || !it.shared_drive);
        let found = world.files.iter().rev().filter(|(_, it)| seen(it) && conditions.iter().all(|c| c.holds(it)));
        let found: Vec<Json> = found.map(|(id, it)| it.show(id)).collect();
        let size = param(&asked, "pageSize").and_then(|it| it.parse().ok()).unwrap_or(100);
        let from = param(&asked, "pageToken").and_then(|it| it.strip_prefix("~!!~")).and_then(|it| it.parse().ok());
        let from = from.unwrap_or(0);
        let page: Vec<&Json> = found.iter().skip(from).take(size).collect();
        let mut answer = json!({"kind": "drive#fileList", "incompleteSearch": false, "files": page});
        if from + size < found.len() {
            answer["nextPageToken"] = format!("~!!~{}", from + size).into();
        }
        masked(answer, &asked, "kind,incompleteSearch,nextPageToken,files(kind,id,name,mimeType)")
    })();
    wire::answered(outcome)
}

/// `files.get`, also of the content.
pub(super) async fn get(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let asked = fakes::pairs(&query.unwrap_or_default());
    let world = shared.world();
    let outcome = (|| {
        let file = open(&world, &headers, &LIST, &id, &asked)?;
        if param(&asked, "alt") != Some("media") {
            return Ok(fakes::json(200, &masked(file.show(&id), &asked, "kind,id,name,mimeType")?));
        }
        open(&world, &headers, &CONTENT, &id, &asked)?;
        if file.mime.starts_with(EDITORS) {
            let message = "Only files with binary content can be downloaded. Use Export with Docs Editors files.";
            return Err(refuse(403, "global", "fileNotDownloadable", message));
        }
        Ok(bytes(&file.mime, file.content.clone()))
    })();
    outcome.unwrap_or_else(|it: Refusal| *it)
}

/// `files.export`
pub(super) async fn export(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let asked = fakes::pairs(&query.unwrap_or_default());
    let world = shared.world();
    let outcome = (|| {
        // Exporting has no parameter about shared drives.
        let with = [("supportsAllDrives".to_owned(), "true".to_owned())];
        let file = open(&world, &headers, &CONTENT, &id, &with)?;
        let wanted = param(&asked, "mimeType").unwrap_or_default();
        if !file.mime.starts_with(EDITORS) {
            return Err(refuse(403, "global", "fileNotExportable", "Export only supports Docs Editors files."));
        }
        if !["application/pdf", "text/plain", "text/csv"].contains(&wanted) {
            return Err(refuse(400, "global", "badRequest", "The requested conversion is not supported."));
        }
        Ok(bytes(wanted, file.content.clone()))
    })();
    outcome.unwrap_or_else(|it: Refusal| *it)
}

/// `files.generateIds`
pub(super) async fn generate_ids(State(shared): State<Shared>, headers: HeaderMap) -> Response<Body> {
    let mut world = shared.world();
    if let Err(refusal) = wire::authorise(&world, &headers, &WRITE) {
        return *refusal;
    }
    let id = format!("1Generated{:06}", world.next());
    fakes::json(200, &json!({"kind": "drive#generatedIds", "space": "drive", "ids": [id]}))
}

/// `files.create` with content: `multipart/related`, the metadata first.
pub(super) async fn upload(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let asked = fakes::pairs(&query.unwrap_or_default());
    let mut world = shared.world();
    let outcome = (|| {
        wire::authorise(&world, &headers, &WRITE)?;
        let bad = |message: &str| refuse(400, "global", "badContent", message);
        if param(&asked, "uploadType") != Some("multipart") {
            return Err(bad("Bad content: uploadType"));
        }
        let parts = wire::related(fakes::header(&headers, "content-type"), &body);
        let Some([(_, metadata), (mime, content)]) = parts.as_deref() else {
            return Err(bad("Malformed multipart body."));
        };
        let metadata: Json = serde_json::from_slice(metadata).map_err(|_| bad("Malformed multipart body."))?;
        create(&mut world, &metadata, mime.clone(), content.clone(), &asked)
    })();
    wire::answered(outcome)
}

/// `files.copy`
pub(super) async fn copy(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    let asked = fakes::pairs(&query.unwrap_or_default());
    let mut world = shared.world();
    let outcome = (|| {
        let original = open(&world, &headers, &WRITE, &id, &asked)?.clone();
        let mut metadata: Json = serde_json::from_str(&body).unwrap_or_default();
        if metadata["parents"].is_null() {
            metadata["parents"] = json!([original.parent]);
        }
        let text = world.documents.get(&id).map(super::docs::Document::copy);
        let answer = create(&mut world, &metadata, original.mime, original.content, &asked)?;
        if let (Some(text), Some(copied)) = (text, world.files.keys().last().cloned()) {
            world.documents.insert(copied, text);
        }
        Ok(answer)
    })();
    wire::answered(outcome)
}

/// `files.update`: the name and whether it is in the bin.
pub(super) async fn update(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    let asked = fakes::pairs(&query.unwrap_or_default());
    let mut world = shared.world();
    let outcome = (|| {
        open(&world, &headers, &WRITE, &id, &asked)?;
        let change: Json = serde_json::from_str(&body).unwrap_or_default();
        let file = &mut world.files[&id];
        file.trashed = change["trashed"].as_bool().unwrap_or(file.trashed);
        masked(file.show(&id), &asked, "kind,id,name,mimeType")
    })();
    wire::answered(outcome)
}

/// `permissions.create`
pub(super) async fn share(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    let asked = fakes::pairs(&query.unwrap_or_default());
    let mut world = shared.world();
    let outcome = (|| {
        open(&world, &headers, &WRITE, &id, &asked)?;
        let mut permission: Json = serde_json::from_str(&body).unwrap_or_default();
        let user = matches!(permission["type"].as_str(), Some("user" | "group"));
        let invalid = |message: &str| refuse(400, "global", "invalid", message);
        if user != permission["emailAddress"].is_string() || permission["role"].is_null() {
            return Err(invalid("The permission is not complete."));
        }
        if !user && param(&asked, "sendNotificationEmail").is_some() {
            return Err(invalid("Notifications are for users and groups."));
        }
        if user && param(&asked, "sendNotificationEmail") != Some("false") {
            let to = permission["emailAddress"].as_str().unwrap_or_default().to_owned();
            world.mails.push((to, id.clone()));
        }
        permission["kind"] = "drive#permission".into();
        permission["id"] = if user { format!("{:08}", world.next()).into() } else { "anyoneWithLink".into() };
        world.files[&id].permissions.push(permission.clone());
        masked(permission, &asked, "kind,id,type,role")
    })();
    wire::answered(outcome)
}

fn create(
    world: &mut World,
    metadata: &Json,
    mime: String,
    content: Vec<u8>,
    asked: &[(String, String)],
) -> Result<Json, Refusal> {
    let id = match metadata["id"].as_str() {
        Some(id) if world.files.contains_key(id) => {
            return Err(refuse(409, "global", "fileIdInUse", "A file already exists with the provided ID."));
        }
        Some(id) => id.to_owned(),
        None => format!("1File{:06}", world.next()),
    };
    let file = File {
        name: metadata["name"].as_str().unwrap_or("Untitled").to_owned(),
        mime: metadata["mimeType"].as_str().map_or(mime, str::to_owned),
        parent: metadata["parents"][0].as_str().unwrap_or("root").to_owned(),
        content,
        ours: true,
        properties: metadata["appProperties"].clone(),
        ..File::default()
    };
    let shown = file.show(&id);
    world.files.insert(id, file);
    masked(shown, asked, "kind,id,name,mimeType")
}

fn open<'w>(
    world: &'w World,
    headers: &HeaderMap,
    scopes: &[&str],
    id: &str,
    asked: &[(String, String)],
) -> Result<&'w File, Refusal> {
    wire::authorise(world, headers, scopes)?;
    let missing = || refuse(404, "global", "notFound", &format!("File not found: {id}."));
    let file = world.files.get(id).ok_or_else(missing)?;
    if file.shared_drive && param(asked, "supportsAllDrives") != Some("true") {
        return Err(missing());
    }
    let others: Vec<&str> = scopes.iter().copied().filter(|it| *it != "drive.file").collect();
    if !file.ours && !wire::holds(world, headers, &others) {
        let message = format!("The user has not granted the app 812345678901 read access to the file {id}.");
        return Err(refuse(403, "global", "appNotAuthorizedToFile", &message));
    }
    Ok(file)
}

fn masked(whole: Json, asked: &[(String, String)], usual: &str) -> Result<Json, Refusal> {
    let fields = param(asked, "fields").unwrap_or(usual);
    mask::apply(whole, Some(fields)).ok_or_else(|| refuse(400, "global", "invalidParameter", "Invalid field selection"))
}

fn bytes(mime: &str, content: Vec<u8>) -> Response<Body> {
    let answer = Response::builder().status(StatusCode::OK).header(header::CONTENT_TYPE, mime);
    answer.body(Body::from(content)).expect("a media type is a valid header")
}
