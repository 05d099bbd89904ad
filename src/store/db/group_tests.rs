use super::*;

#[test]
fn parameters_stand_in_the_order_of_their_places() {
    let args = || vec![Arg::from(1_i64), Arg::from("b")];
    let check = |sql: &str, text: &str, expected: Vec<Arg>| {
        assert_eq!(in_order(sql, args()), (text.to_owned(), expected), "{sql}");
    };
    check("a = $2 AND b = $1", "a = ? AND b = ?", vec![Arg::from("b"), Arg::from(1_i64)]);
    check(
        "($2 IS NULL OR a = $2) AND b = $1",
        "(? IS NULL OR a = ?) AND b = ?",
        vec![Arg::from("b"), Arg::from("b"), Arg::from(1_i64)],
    );
    check("VALUES (?, ?)", "VALUES (?, ?)", args());
    check("a = '$' AND b = $1", "a = '$' AND b = ?", vec![Arg::from(1_i64)]);
}

async fn writer(folder: &tempfile::TempDir) -> Writer {
    let options = SqliteConnectOptions::new().filename(folder.path().join("a.sqlite")).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    connection.execute("CREATE TABLE things (id TEXT NOT NULL PRIMARY KEY, n INTEGER NOT NULL) STRICT").await.unwrap();
    Writer::start(connection, options)
}

fn add(id: &str) -> Statement {
    Statement::new("INSERT INTO things (id, n) VALUES ($1, 0)", vec![id.into()])
}

fn raise(id: &str) -> Statement {
    let raise = Statement::new("UPDATE things SET n = n + 1 WHERE id = $1", vec![id.into()]);
    Statement { or_nothing: true, ..raise }
}

async fn all(writer: &Writer) -> Vec<String> {
    let select = Statement::new("SELECT id || n AS it FROM things ORDER BY id", Vec::new());
    let rows = writer.make(vec![select]).await.unwrap().rows;
    rows.iter().map(|it| it.text("it").unwrap()).collect()
}

#[tokio::test]
async fn what_is_made_at_the_same_time_succeeds_and_fails_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(&folder).await;
    writer.make(vec![add("a")]).await.unwrap();
    // on this one thread all of them are handed over before the writer sees the first
    let (one, two, three, four, five) = tokio::join!(
        writer.make(vec![add("b"), raise("b")]),
        writer.make(vec![add("c"), add("a")]),
        writer.make(vec![add("d"), raise("none"), add("a")]),
        writer.make(vec![raise("a")]),
        writer.make(vec![add("a")]),
    );
    assert_eq!(one.unwrap().changed, 1);
    assert!(matches!(two, Err(Error::Taken)));
    assert_eq!(three.unwrap().changed, 0);
    assert_eq!(four.unwrap().changed, 1);
    assert!(matches!(five, Err(Error::Taken)));
    assert_eq!(all(&writer).await, ["a1", "b1"]);
}

#[tokio::test]
async fn trouble_with_the_file_is_told_to_all_and_the_next_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(&folder).await;
    let bad = || Statement::new("INSERT INTO nowhere (id) VALUES ($1)", vec!["a".into()]);
    let (one, two) = tokio::join!(writer.make(vec![add("a")]), writer.make(vec![bad(), add("b")]));
    assert!(matches!(one, Err(Error::Unavailable(_))) && matches!(two, Err(Error::Unavailable(_))));
    assert!(all(&writer).await.is_empty());
    writer.make(vec![add("c")]).await.unwrap();
    assert_eq!(all(&writer).await, ["c0"]);
}

#[test]
fn when_its_runtime_has_ended_another_one_goes_on() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let writer = runtime().block_on(writer(&folder));
    runtime().block_on(async {
        assert_eq!(writer.make(vec![add("a")]).await.unwrap().changed, 1);
        assert_eq!(all(&writer).await, ["a0"]);
    });
}

#[tokio::test]
async fn a_close_waits_for_what_was_handed_over() {
    let folder = tempfile::tempdir().unwrap();
    let writer = writer(&folder).await;
    let (made, ()) = tokio::join!(writer.make(vec![add("a"), add("b")]), writer.close());
    assert_eq!(made.unwrap().changed, 1);
    assert!(matches!(writer.make(vec![add("c")]).await, Err(Error::Unavailable(_))));
}
