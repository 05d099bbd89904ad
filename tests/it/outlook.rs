//! Outlook over real sockets: consent, tokens, the life of an appointment, an e-mail, and what goes wrong.

use closeloop::{base::Clock as _, system::SystemClock};
use serde_json::{Value as Json, json};

use crate::{
    clock::ManualClock,
    fakes::{Fault, outlook, outlook::Outlook},
    harness::{
        Options, TestApp,
        calendar::{booking, that_day, tuesday},
    },
};

/// The engine and the provider behind it.
struct Bench {
    app: TestApp,
    outlook: Outlook,
    connection: String,
}

impl Bench {
    /// Connected with every scope, and every action enabled for the agent `a`.
    async fn start() -> Self {
        let outlook = Outlook::start(ManualClock::at(&SystemClock.now().to_string())).await;
        let url = outlook.server.url().to_owned();
        let origins = ["https://login.microsoftonline.com", "https://graph.microsoft.com"];
        let overrides = origins.map(|it| (it, url.clone())).into();
        let (id, secret) = outlook::client();
        let accounts = vec![("microsoft", id, secret)];
        let app = TestApp::with(Options { overrides, accounts, ..Options::default() }).await;
        let scopes = ["Calendars.ReadWrite", "Mail.ReadWrite", "Mail.Send"];
        let connection = app.client.connect_by_consent("outlook", json!({"tenant": "contoso.example"}), &scopes).await;
        let calendar = json!({"calendar": Outlook::CALENDAR});
        for (action, config) in [
            ("check_availability", calendar.clone()),
            ("book_appointment", calendar.clone()),
            ("reschedule_appointment", calendar.clone()),
            ("list_appointments", calendar),
            ("cancel_appointment", json!({})),
            ("send_email", json!({})),
            ("search_emails", json!({"folder": "sentitems"})),
        ] {
            app.client.enable("outlook", &connection, action, config).await;
        }
        Self { app, outlook, connection }
    }

    async fn output(&self, function: &str, arguments: Json) -> Json {
        self.app.client.output(function, arguments).await
    }

    async fn starts(&self) -> Vec<String> {
        let free = self.output("check_availability", that_day()).await;
        free["slots"].as_array().unwrap().iter().map(|it| it["start"].as_str().unwrap().to_owned()).collect()
    }

    fn events(&self) -> usize {
        self.outlook.world().event_count()
    }

    /// How many are sent, and how many lie around as drafts.
    fn mails(&self) -> (usize, usize) {
        let world = self.outlook.world();
        (world.sent.len(), world.draft_count())
    }

    fn token_requests(&self) -> usize {
        self.outlook.server.count("POST", "/oauth2/v2.0/token")
    }
}

#[tokio::test]
async fn an_appointment_is_booked_moved_listed_and_cancelled() {
    let bench = Bench::start().await;
    let shown = bench.app.client.get(&format!("/v1/connections/{}", bench.connection)).await;
    assert_eq!(shown["label"], "ines@contoso.example", "{shown:#}");
    assert!(bench.starts().await.contains(&tuesday("10:00")));

    let booked = bench.output("book_appointment", booking("10:00")).await;
    assert_eq!((&booked["start"], &booked["end"]), (&json!(tuesday("10:00")), &json!(tuesday("10:30"))));
    assert!(!bench.starts().await.contains(&tuesday("10:00")));
    let refused = bench.app.client.failure("book_appointment", booking("10:15")).await;
    assert_eq!((&refused["code"], bench.events()), (&json!("conflict"), 1));

    // half over its own old time, which is not in its way
    let to = json!({"event_id": booked["event_id"], "start": tuesday("10:15")});
    let moved = bench.output("reschedule_appointment", to).await;
    assert_eq!(moved["start"], tuesday("10:15"));
    let listed = bench.output("list_appointments", that_day()).await;
    assert_eq!(listed["appointments"][0]["start"], moved["start"], "{listed:#}");

    for _ in 0..2 {
        let cancelled = bench.output("cancel_appointment", json!({"event_id": booked["event_id"]})).await;
        assert_eq!(cancelled["cancelled"], true);
    }
    assert_eq!((bench.events(), bench.outlook.world().notices), (0, 3), "invited, moved and cancelled, each once");
}

#[tokio::test]
async fn one_call_books_once_whatever_happens_to_its_answers() {
    let bench = Bench::start().await;
    let faults = [
        (Fault::AnswerLost, "09:00"),
        (Fault::RequestLost, "09:30"),
        (Fault::After(503, json!({"error": {"code": "", "message": ""}})), "10:00"),
        (
            Fault::Instead(
                429,
                json!({"error": {"code": "ApplicationThrottled", "message": "Application is over its MailboxConcurrency limit."}}),
            ),
            "10:30",
        ),
    ];
    for (number, (fault, time)) in (1..).zip(faults) {
        bench.outlook.world().duplicate_status = if number % 2 == 0 { 409 } else { 400 };
        bench.outlook.server.fail_next("POST", "/events", fault.clone());
        let booked = bench.output("book_appointment", booking(time)).await;
        assert_eq!((&booked["start"], bench.events()), (&json!(tuesday(time)), number), "{fault:?}");
    }
    assert_eq!(bench.outlook.world().notices, 4, "one invitation each");
}

#[tokio::test]
async fn long_calendars_are_read_to_their_end() {
    let bench = Bench::start().await;
    {
        let mut world = bench.outlook.world();
        // more than a page holds, and the last of them in the way
        for minute in 0..59 {
            let at = |second: u32| format!("{}:{minute:02}:{second:02}+07:00", &tuesday("06:00")[..13]);
            world.add_event(&at(0), &at(20));
            world.add_event(&at(30), &at(50));
        }
        world.add_event(&tuesday("10:00"), &tuesday("11:00"));
    }
    let starts = bench.starts().await;
    assert!(!starts.contains(&tuesday("10:00")) && starts.contains(&tuesday("11:00")), "{starts:?}");
    assert!(bench.outlook.server.count("GET", "/calendarView") >= 2);
}

#[tokio::test]
async fn a_token_that_ended_is_renewed_and_a_dead_grant_is_told() {
    let bench = Bench::start().await;
    assert_eq!(bench.token_requests(), 1);
    bench.outlook.world().consents.expire();
    bench.output("book_appointment", booking("10:00")).await;
    assert_eq!((bench.token_requests(), bench.events()), (2, 1));

    bench.outlook.world().consents.revoke();
    let error = bench.app.client.failure("list_appointments", that_day()).await;
    assert_eq!(error["code"], "reauthorize", "{error:#}");
}

#[tokio::test]
async fn an_email_is_sent_once_and_found() {
    let bench = Bench::start().await;
    let mail = json!({"to": ["omar@example.org"], "subject": "Your booking", "body": "See you on Tuesday"});
    bench.output("send_email", mail.clone()).await;
    bench.outlook.server.fail_next("POST", "/send", Fault::AnswerLost);
    bench.output("send_email", mail.clone()).await;
    assert_eq!(bench.mails(), (2, 0));
    let found = bench.output("search_emails", json!({})).await;
    assert_eq!(found["emails"].as_array().unwrap().len(), 2, "{found:#}");

    // nobody can tell whether it is still on its way
    bench.outlook.server.fail_next("POST", "/send", Fault::RequestLost);
    let error = bench.app.client.failure("send_email", mail.clone()).await;
    assert_eq!((&error["code"], bench.mails().0), (&json!("unknown_outcome"), 2), "{error:#}");

    let denied = json!({"error": {"code": "ErrorAccessDenied", "message": "Access is denied."}});
    let drafts = bench.mails().1;
    bench.outlook.server.fail_next("POST", "/send", Fault::Instead(403, denied));
    let error = bench.app.client.failure("send_email", mail).await;
    assert_eq!((&error["code"], bench.mails().1), (&json!("permission_denied"), drafts), "{error:#}");
}

#[tokio::test]
async fn a_page_in_place_of_a_calendar_offers_and_books_nothing() {
    let bench = Bench::start().await;
    for (function, arguments) in [("check_availability", that_day()), ("book_appointment", booking("10:00"))] {
        bench.outlook.server.fail_next("GET", "/calendarView", Fault::Page(200));
        let error = bench.app.client.failure(function, arguments).await;
        assert_eq!((&error["code"], bench.events()), (&json!("provider_error"), 0), "{error:#}");
    }
}
