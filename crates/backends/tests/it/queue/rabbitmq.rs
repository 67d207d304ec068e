//! The adapter over RabbitMQ, against a real one.

use std::sync::Arc;
use std::time::Duration;

use admin_backends::queue::rabbitmq::{Broker, ContentMode, Depth, PARTITIONS, RELAY, check, consume, depths, relay};
use admin_testkit::rabbitmq::{Server, VirtualHost, virtual_host};
use admin_types::cloud_event::CloudEvent;
use futures_util::FutureExt;
use lapin::options::{BasicGetOptions, BasicPublishOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio_util::sync::CancellationToken;

use super::contract::contract;
use super::memory_log::MemoryLog;
use super::recorder::{Deed, History, Recorder, eventually};
use super::{Harness, Process, READER, settings};

struct RabbitMq {
    log: Arc<MemoryLog>,
    host: VirtualHost,
}

impl Harness for RabbitMq {
    async fn fresh() -> RabbitMq {
        RabbitMq { log: Arc::default(), host: virtual_host().await }
    }

    fn log(&self) -> &Arc<MemoryLog> {
        &self.log
    }

    async fn process(&self, recorder: &Arc<Recorder>) -> Process {
        process(&self.log, Broker::new(&self.host.url, &[READER]), recorder)
    }
}

/// A process that relays and consumes.
fn process(log: &Arc<MemoryLog>, broker: Broker, recorder: &Arc<Recorder>) -> Process {
    let (relayed, to) = (log.clone(), broker.clone());
    let (log, recorder) = (log.clone(), recorder.clone());
    Process::of([
        Box::new(move |stop| async move { relay(relayed, "test", to, settings(), stop).await }.boxed()) as _,
        Box::new(move |stop| async move { consume(log, READER, recorder, (broker, settings()), stop).await }.boxed())
            as _,
    ])
}

contract!(RabbitMq, #[tokio::test(flavor = "multi_thread", worker_threads = 2)]);

/// The broker is killed twice under load, and starts again on its data.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_loses_nothing() {
    let mut server = Server::start().await;
    let host = server.virtual_host();
    let (log, history) = (Arc::<MemoryLog>::default(), Arc::new(History::default()));
    let orgs: Vec<_> = (0..3).map(|_| log.org()).collect();
    let broker = Broker { patience: Duration::from_secs(3), ..Broker::new(&host.url, &[READER]) };
    let processes =
        [process(&log, broker.clone(), &Recorder::good(&history)), process(&log, broker, &Recorder::good(&history))];
    let all = |h: &History| orgs.iter().all(|org| h.numbers(*org).is_superset(&log.numbers(*org)));
    // A queue that was declared a moment ago, and has taken nothing yet, may be found without a leader by the broker.
    for org in &orgs {
        log.commit(*org, 200);
    }
    history.until("all queues are in use", all).await;
    for _ in 0..2 {
        for org in &orgs {
            log.commit(*org, 2000);
        }
        let seen = history.handled().len();
        history.until("it is under load", |history| history.handled().len() > seen + 100).await;
        server.kill();
        for org in &orgs {
            log.commit(*org, 100);
        }
        server.restart().await;
    }
    history.until("all are handled", all).await;
    for process in processes {
        process.stop().await;
    }
    history.assert_order(|_| false);
    assert_eq!(log.parked(READER), []);
}

/// An event that ends every process which has it in hand becomes a dead letter, and is parked. Those that
/// the process had in hand with it share its count; with a prefetch of one there are none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_process_survives_is_parked() {
    let (harness, history) = (RabbitMq::fresh().await, Arc::new(History::default()));
    let org = harness.log.org();
    harness.log.commit(org, 40);
    let broker = Broker { deliveries: 3, prefetch: 1, ..Broker::new(&harness.host.url, &[READER]) };
    let mut processes = 0;
    while harness.log.parked(READER).is_empty() {
        processes += 1;
        assert!(processes < 20, "the event is delivered on and on");
        let tell = CancellationToken::new();
        let told = tell.clone();
        let recorder = Recorder::new(&history, move |_, events| match events.iter().any(|event| event.seq == 17) {
            true => {
                told.cancel();
                Deed::Hang
            }
            false => Deed::Succeed,
        });
        let process = process(&harness.log, broker.clone(), &recorder);
        let ended = || tell.is_cancelled() || !harness.log.parked(READER).is_empty();
        eventually("it hangs or is parked", ended).await;
        process.kill().await;
    }
    let process = process(&harness.log, broker, &Recorder::good(&history));
    history.until("the others are handled", |history| history.numbers(org).len() >= 39).await;
    process.stop().await;
    let parked = harness.log.parked(READER);
    assert_eq!(parked.iter().map(|(org, seq, _)| (*org, *seq)).collect::<Vec<_>>(), [(org, 17)]);
    assert!(parked[0].2.contains("the process ended"), "{parked:?}");
}

/// Whatever others publish into the exchange: an event in the structured mode is handled, what nobody can read is put aside.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_of_others_are_read_or_put_aside() {
    let (harness, history) = (RabbitMq::fresh().await, Arc::new(History::default()));
    let org = harness.log.org();
    harness.log.commit(org, 1);
    let broker = Broker::new(&harness.host.url, &[READER]);
    let process = process(&harness.log, broker.clone(), &Recorder::good(&history));
    history.until("the first is handled", |history| history.numbers(org).len() == 1).await;

    let connection = Connection::connect(&harness.host.url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let event = harness.log.event(org, 2);
    let document = serde_json::to_vec(&CloudEvent::new("https://elsewhere.example", org, &event)).unwrap();
    for (media_type, body) in [("application/cloudevents+json", &*document), ("application/json", b"{}"), ("", b"\xff")]
    {
        let properties = BasicProperties::default().with_content_type(media_type.into()).with_delivery_mode(2);
        let options = BasicPublishOptions::default();
        let key = format!("{org}.3.workspace.updated");
        let sent = channel.basic_publish("admin.events".into(), key.into(), options, body, properties).await;
        sent.unwrap().await.unwrap();
    }
    history.until("the structured one is handled", |history| history.numbers(org).contains(&2)).await;
    let unreadable = async || {
        let options = QueueDeclareOptions::durable().passive();
        let queue = channel.queue_declare("admin.unreadable".into(), options, FieldTable::default()).await;
        queue.unwrap().message_count()
    };
    let both = async { while unreadable().await < 2 {} };
    tokio::time::timeout(Duration::from_secs(120), both).await.expect("what nobody can read is put aside");
    process.stop().await;
    assert_eq!(harness.log.parked(READER), []);
}

/// In the structured mode a message holds all that is known of the event, whoever reads it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_go_in_the_structured_mode_if_that_is_set() {
    let (harness, history) = (RabbitMq::fresh().await, Arc::new(History::default()));
    let org = harness.log.org();
    let broker = Broker {
        mode: ContentMode::Structured,
        source: "https://admin.example".into(),
        ..Broker::new(&harness.host.url, &[READER])
    };
    harness.log.commit(org, 1);
    let process = process(&harness.log, broker, &Recorder::good(&history));
    history.until("the first is handled", |history| history.numbers(org).len() == 1).await;
    let connection = Connection::connect(&harness.host.url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let exclusive = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    channel.queue_declare("mine".into(), exclusive, FieldTable::default()).await.unwrap();
    let (bind, table) = (QueueBindOptions::default(), FieldTable::default());
    channel.queue_bind("mine".into(), "admin.events".into(), "#".into(), bind, table).await.unwrap();
    harness.log.commit(org, 1);
    history.until("the second is handled", |history| history.numbers(org).len() == 2).await;
    let got = channel.basic_get("mine".into(), BasicGetOptions::default()).await.unwrap().expect("a message");
    let media_type = got.properties.content_type().as_ref().map(|text| text.as_str().to_owned());
    assert_eq!(media_type.as_deref(), Some("application/cloudevents+json"));
    let event = harness.log.event(org, 2);
    let expected = CloudEvent::new("https://admin.example", org, &event);
    let document: serde_json::Value = serde_json::from_slice(&got.data).unwrap();
    assert_eq!(document, serde_json::to_value(expected).unwrap());
    process.stop().await;
    assert_eq!(harness.log.parked(READER), []);
}

/// Over TLS: who the broker is is checked, by the authorities that the settings name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_go_over_tls_to_the_broker_that_is_meant() {
    let made = || {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    };
    let ((certificate, key), (other, _)) = (made(), made());
    let server = Server::start_secure(&certificate, &key).await;
    let host = server.virtual_host();
    let broker = |name: &str, authorities: Option<String>| Broker {
        authorities,
        patience: Duration::from_secs(15),
        ..Broker::new(host.secure_url(name), &[READER])
    };
    let (log, history) = (Arc::<MemoryLog>::default(), Arc::new(History::default()));
    let org = log.org();
    log.commit(org, 100);
    let process = process(&log, broker("127.0.0.1", Some(certificate.clone())), &Recorder::good(&history));
    history.until("all are handled", |history| history.numbers(org).len() == 100).await;
    assert_eq!(depths(&broker("127.0.0.1", Some(certificate.clone()))).await.unwrap().len(), 1);
    for (what, broker) in [
        ("another name", broker("localhost", Some(certificate.clone()))),
        ("another authority", broker("127.0.0.1", Some(other))),
        ("no authority", broker("127.0.0.1", None)),
    ] {
        let error = depths(&broker).await.expect_err(what);
        assert_eq!(error.kind, admin_types::Kind::Unavailable, "{what}: {error:?}");
    }
    process.stop().await;
}

/// What waits is counted, what is in hand is bounded, and connections that are closed come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_backlog_is_bounded_and_counted() {
    let (harness, history) = (RabbitMq::fresh().await, Arc::new(History::default()));
    let org = harness.log.org();
    harness.log.commit(org, 4000);
    let broker = Broker { prefetch: 16, ..Broker::new(&harness.host.url, &[READER]) };
    let process = process(&harness.log, broker.clone(), &Recorder::new(&history, |_, _| Deed::Hang));
    eventually("all are published", || harness.log.done(RELAY, org) == 4000).await;
    history.until("it is at work", |history| !history.handled().is_empty()).await;
    let in_hand = 16 * u64::from(PARTITIONS);
    let waiting = depths(&broker).await.unwrap()[0].1.waiting;
    assert!((4000 - in_hand..4000).contains(&waiting), "{waiting} wait");
    assert!(history.handled().len() as u64 <= in_hand);
    process.kill().await;

    let process = self::process(&harness.log, broker.clone(), &Recorder::good(&history));
    history.until("it is at work again", |history| history.handled().len() > 500).await;
    harness.host.close_connections();
    harness.log.commit(org, 100);
    history.until("all are handled", |history| history.numbers(org).len() == 4100).await;
    process.stop().await;
    assert_eq!(depths(&broker).await.unwrap(), [(READER.to_owned(), Depth::default())]);
    history.assert_order(|_| false);
}

/// An address that cannot be understood is told at once, without its password.
#[test]
fn addresses_are_checked() {
    assert!(check(&Broker::new("amqps://user:pass@queue.example:5671/%2f", &[])).is_ok());
    for wrong in ["", "http://user:secret@host", "amqp://user:secret@host:port/"] {
        let broker = Broker::new(wrong, &[]);
        let error = check(&broker).unwrap_err();
        assert!(error.detail.contains("amqp://") && !format!("{error:?} {broker:?}").contains("secret"), "{error:?}");
    }
}
