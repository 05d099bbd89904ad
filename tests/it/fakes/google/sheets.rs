//! Spreadsheets: tabs, values, and where a row goes that is appended.

use axum::{
    body::Body,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, Response},
};
use indexmap::IndexMap;
use serde_json::{Value as Json, json};

use super::{
    Shared,
    a1::{self, Cells},
    mask,
    wire::{self, Refusal, platform},
    world::World,
};
use crate::fakes::{self, param};

const READ: [&str; 4] = ["spreadsheets.readonly", "spreadsheets", "drive.readonly", "drive"];
const WRITE: [&str; 2] = ["spreadsheets", "drive"];

/// The spreadsheets by their ids.
pub(super) type Spreadsheets = IndexMap<String, Spreadsheet>;

/// A spreadsheet.
#[derive(Default)]
pub(crate) struct Spreadsheet {
    tabs: Vec<Tab>,
    /// Whether the account may only read it.
    pub(crate) read_only: bool,
    /// Whether it is a file of another program, which can't be opened here.
    pub(crate) foreign: bool,
}

/// A tab: its cells, null where there is nothing.
struct Tab {
    id: i64,
    title: String,
    cells: Vec<Vec<Json>>,
    rows: usize,
    columns: usize,
}

impl Spreadsheet {
    /// Adds a tab of 1,000 rows and 26 columns with these cells.
    pub(crate) fn add_tab(&mut self, id: i64, title: &str, cells: Json) {
        let cells = serde_json::from_value(cells).expect("the test gives rows of cells");
        self.tabs.push(Tab { id, title: title.to_owned(), cells, rows: 1000, columns: 26 });
    }

    /// A tab's cells as they are, for a test to look at.
    pub(crate) fn cells(&self, title: &str) -> Json {
        json!(self.tabs.iter().find(|it| it.title == title).expect("the test names a tab").cells)
    }

    /// Its owner gives a tab another name and other cells.
    pub(crate) fn replace(&mut self, title: &str, to: &str, cells: Json) {
        let tab = self.tabs.iter_mut().find(|it| it.title == title).expect("the test names a tab");
        to.clone_into(&mut tab.title);
        tab.cells = serde_json::from_value(cells).expect("the test gives rows of cells");
    }

    fn tab(&self, range: &str) -> Result<(usize, Cells), Refusal> {
        let unreadable = || platform(400, "INVALID_ARGUMENT", &format!("Unable to parse range: {range}"));
        let parsed = a1::parse(range).ok_or_else(unreadable)?;
        let at = match &parsed.tab {
            None => Some(0),
            Some(title) => self.tabs.iter().position(|it| it.title == *title),
        };
        Ok((at.ok_or_else(unreadable)?, parsed.cells))
    }
}

impl Tab {
    fn cell(&self, row: usize, column: usize) -> Option<&Json> {
        self.cells.get(row)?.get(column).filter(|it| !it.is_null() && it.as_str() != Some(""))
    }

    /// The range clipped to the grid; one that begins outside is refused.
    fn clip(&self, cells: Cells) -> Result<(usize, usize, usize, usize), Refusal> {
        let bottom = cells.bottom.unwrap_or(self.rows).min(self.rows);
        let right = cells.right.unwrap_or(self.columns).min(self.columns);
        if cells.top >= self.rows || cells.left >= self.columns {
            let range = a1::write(&self.title, cells.top, cells.left, cells.top + 1, cells.left + 1);
            let (rows, columns) = (self.rows, self.columns);
            let message = format!("Range ({range}) exceeds grid limits. Max rows: {rows}, max columns: {columns}");
            return Err(platform(400, "INVALID_ARGUMENT", &message));
        }
        Ok((cells.top, cells.left, bottom, right))
    }

    /// A `ValueRange`: empty cells and rows at the end are left out, `values` too if there are none.
    fn values(&self, cells: Cells, formatted: bool) -> Result<Json, Refusal> {
        let (top, left, bottom, right) = self.clip(cells)?;
        let shown = |it: &Json| if formatted && !it.is_string() { Json::from(it.to_string()) } else { it.clone() };
        let row = |row: usize| {
            let width = (left..right).rev().find(|it| self.cell(row, *it).is_some()).map_or(0, |it| it + 1 - left);
            let cells = (left..left + width).map(|it| self.cell(row, it).map_or_else(|| "".into(), shown));
            cells.collect::<Vec<Json>>()
        };
        let mut rows: Vec<Vec<Json>> = (top..bottom.min(self.cells.len())).map(row).collect();
        while rows.last().is_some_and(Vec::is_empty) {
            rows.pop();
        }
        let mut range = json!({"range": a1::write(&self.title, top, left, bottom, right), "majorDimension": "ROWS"});
        if !rows.is_empty() {
            range["values"] = json!(rows);
        }
        Ok(range)
    }

    /// The tables, top to bottom: what is connected, also by corners, and all that lies between.
    fn tables(&self) -> Vec<(usize, usize, usize, usize)> {
        let mut tables: Vec<(usize, usize, usize, usize)> = Vec::new();
        for (row, cells) in self.cells.iter().enumerate() {
            for column in (0..cells.len()).filter(|it| self.cell(row, *it).is_some()) {
                let mut joined = (row, column, row + 1, column + 1);
                // a cell may join what was apart
                while let Some(at) = tables.iter().position(|it| touch(*it, joined)) {
                    let other = tables.remove(at);
                    joined =
                        (joined.0.min(other.0), joined.1.min(other.1), joined.2.max(other.2), joined.3.max(other.3));
                }
                tables.push(joined);
            }
        }
        tables.sort_unstable();
        tables
    }

    /// Writes rows from a cell on; null leaves a cell alone. Gives how many cells were written.
    fn write(&mut self, top: usize, left: usize, rows: &[Vec<Json>]) -> usize {
        let mut written = 0;
        for (number, row) in rows.iter().enumerate() {
            for (at, value) in row.iter().enumerate().filter(|(_, it)| !it.is_null()) {
                let (row, column) = (top + number, left + at);
                if self.cells.len() <= row {
                    self.cells.resize(row + 1, Vec::new());
                }
                if self.cells[row].len() <= column {
                    self.cells[row].resize(column + 1, Json::Null);
                }
                self.cells[row][column] = if value.as_str() == Some("") { Json::Null } else { value.clone() };
                written += 1;
            }
        }
        self.rows = self.rows.max(self.cells.len());
        written
    }
}

/// Whether two rectangles overlap or lie side by side.
fn touch(a: (usize, usize, usize, usize), b: (usize, usize, usize, usize)) -> bool {
    a.0 <= b.2 && b.0 <= a.2 && a.1 <= b.3 && b.1 <= a.3
}

/// `spreadsheets.get`
pub(super) async fn get(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let query = fakes::pairs(&query.unwrap_or_default());
    let world = shared.world();
    let outcome = open(&world, &headers, &READ, &id).and_then(|spreadsheet| {
        let tab = |(index, it): (usize, &Tab)| json!({"properties": {"sheetId": it.id, "title": it.title, "index": index, "sheetType": "GRID", "gridProperties": {"rowCount": it.rows, "columnCount": it.columns}}});
        let tabs: Vec<Json> = spreadsheet.tabs.iter().enumerate().map(tab).collect();
        let whole = json!({"spreadsheetId": id, "properties": {"locale": "en_US"}, "sheets": tabs});
        mask::apply(whole, param(&query, "fields")).ok_or_else(|| platform(400, "INVALID_ARGUMENT", "Invalid field mask"))
    });
    outcome.map_or_else(|it| *it, |it| fakes::json(200, &it))
}

/// `values.get`
pub(super) async fn values(
    State(shared): State<Shared>,
    Path((id, range)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let query = fakes::pairs(&query.unwrap_or_default());
    let world = shared.world();
    let outcome = open(&world, &headers, &READ, &id).and_then(|it| look(it, &range, &query));
    outcome.map_or_else(|it| *it, |it| fakes::json(200, &it))
}

/// `values.batchGet`: one bad range fails them all.
pub(super) async fn batch_get(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let query = fakes::pairs(&query.unwrap_or_default());
    let world = shared.world();
    let outcome = open(&world, &headers, &READ, &id).and_then(|spreadsheet| {
        let ranges = query.iter().filter(|(name, _)| name == "ranges");
        let found: Result<Vec<Json>, Refusal> = ranges.map(|(_, range)| look(spreadsheet, range, &query)).collect();
        Ok(json!({"spreadsheetId": id, "valueRanges": found?}))
    });
    outcome.map_or_else(|it| *it, |it| fakes::json(200, &it))
}

fn look(spreadsheet: &Spreadsheet, range: &str, query: &[(String, String)]) -> Result<Json, Refusal> {
    let (at, cells) = spreadsheet.tab(range)?;
    spreadsheet.tabs[at].values(cells, param(query, "valueRenderOption") != Some("UNFORMATTED_VALUE"))
}

/// `values.append`: below the last table that the range meets, from that table's first column on.
pub(super) async fn append(
    State(shared): State<Shared>,
    Path((id, range)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    let query = fakes::pairs(&query.unwrap_or_default());
    let mut world = shared.world();
    let outcome = (|| {
        let range = range.strip_suffix(":append").ok_or_else(|| platform(404, "NOT_FOUND", "Not found."))?;
        let (at, rows) = prepare(&world, &headers, (&id, range), &query, &body)?;
        let spreadsheet = &mut world.spreadsheets[&id];
        let (_, cells) = spreadsheet.tab(range)?;
        let tab = &mut spreadsheet.tabs[at];
        let (top, left, bottom, right) = tab.clip(cells)?;
        let meets = |it: &&(usize, usize, usize, usize)| it.0 < bottom && top < it.2 && it.1 < right && left < it.3;
        let table = tab.tables().iter().rev().find(meets).copied();
        let (row, column) = table.map_or((top, left), |it| (it.2, it.1));
        if param(&query, "insertDataOption") == Some("INSERT_ROWS") && row < tab.cells.len() {
            tab.cells.splice(row..row, rows.iter().map(|_| Vec::new()));
        }
        let mut answer = json!({"spreadsheetId": id, "updates": updated(tab, &id, (row, column), &rows)});
        if let Some(it) = table {
            answer["tableRange"] = a1::write(&tab.title, it.0, it.1, it.2, it.3).into();
        }
        Ok(answer)
    })();
    wire::answered(outcome)
}

/// `values.update`
pub(super) async fn update(
    State(shared): State<Shared>,
    Path((id, range)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: String,
) -> Response<Body> {
    let query = fakes::pairs(&query.unwrap_or_default());
    let mut world = shared.world();
    let outcome = (|| {
        let (at, rows) = prepare(&world, &headers, (&id, &range), &query, &body)?;
        let spreadsheet = &mut world.spreadsheets[&id];
        let (_, cells) = spreadsheet.tab(&range)?;
        let tab = &mut spreadsheet.tabs[at];
        let (top, left, bottom, right) = tab.clip(cells)?;
        if top + rows.len() > bottom || rows.iter().any(|it| left + it.len() > right) {
            let message = format!("Requested writing within range [{range}], but tried writing outside of it");
            return Err(platform(400, "INVALID_ARGUMENT", &message));
        }
        Ok(updated(tab, &id, (top, left), &rows))
    })();
    wire::answered(outcome)
}

/// What both ways to write need: the right to, the way that values are read, cells of a bearable length.
fn prepare(
    world: &World,
    headers: &HeaderMap,
    (id, range): (&str, &str),
    query: &[(String, String)],
    body: &str,
) -> Result<(usize, Vec<Vec<Json>>), Refusal> {
    let spreadsheet = open(world, headers, &WRITE, id)?;
    let invalid = |message: &str| platform(400, "INVALID_ARGUMENT", message);
    if spreadsheet.read_only {
        return Err(platform(403, "PERMISSION_DENIED", "The caller does not have permission"));
    }
    if !matches!(param(query, "valueInputOption"), Some("RAW" | "USER_ENTERED")) {
        return Err(invalid("'valueInputOption' is required but not specified"));
    }
    let body: Json = serde_json::from_str(body).map_err(|_| invalid("Invalid JSON payload received."))?;
    let rows: Vec<Vec<Json>> = serde_json::from_value(body["values"].clone()).map_err(|_| invalid("Invalid values"))?;
    for cell in rows.iter().flatten() {
        if cell.is_array() || cell.is_object() {
            return Err(invalid("Invalid values[0][0]: list_value {} is not a cell"));
        }
        if cell.as_str().is_some_and(|it| it.chars().count() > 50_000) {
            return Err(invalid("Your input contains more than the maximum of 50000 characters in a single cell."));
        }
    }
    Ok((spreadsheet.tab(range)?.0, rows))
}

fn updated(tab: &mut Tab, id: &str, (top, left): (usize, usize), rows: &[Vec<Json>]) -> Json {
    let cells = tab.write(top, left, rows);
    let width = rows.iter().map(Vec::len).max().unwrap_or(1).max(1);
    let range = a1::write(&tab.title, top, left, top + rows.len().max(1), left + width);
    json!({"spreadsheetId": id, "updatedRange": range, "updatedRows": rows.len(), "updatedColumns": width, "updatedCells": cells})
}

fn open<'w>(world: &'w World, headers: &HeaderMap, scopes: &[&str], id: &str) -> Result<&'w Spreadsheet, Refusal> {
    wire::authorise(world, headers, scopes)?;
    let spreadsheet = world.spreadsheets.get(id);
    let spreadsheet = spreadsheet.ok_or_else(|| platform(404, "NOT_FOUND", "Requested entity was not found."))?;
    if spreadsheet.foreign {
        return Err(platform(400, "FAILED_PRECONDITION", "This operation is not supported for this document"));
    }
    Ok(spreadsheet)
}
