//! Fault plans in a module of this process: what a driver's own tests start and stop.
#![allow(
    clippy::tests_outside_test_module,
    clippy::unwrap_used,
    reason = "an integration test is a test module"
)]

use std::time::Duration;

use espat_core::fault::{Action, FaultPlan, Pattern, Rule, SendAction, Trigger};
use espat_core::{ModuleConfig, Timing};
use espat_host::{Module, SerialStream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(60);

fn fast() -> ModuleConfig {
    ModuleConfig {
        timing: Timing::Fast,
        ..ModuleConfig::new()
    }
}

fn plan(command: &str, action: Action) -> FaultPlan {
    FaultPlan {
        rules: vec![Rule {
            name: None,
            trigger: Trigger {
                command: Some(Pattern::new(command)),
                ..Trigger::default()
            },
            actions: vec![action],
            times: None,
        }],
        ..FaultPlan::default()
    }
}

async fn until(serial: &mut SerialStream, end: &str) -> String {
    let mut said = String::new();
    let read = async {
        while !said.ends_with(end) {
            said.push(serial.read_u8().await.unwrap().into());
        }
    };
    let ended = timeout(DEADLINE, read).await.is_ok();
    assert!(ended, "{end:?} did not come after {said:?}");
    said
}

async fn ask(serial: &mut SerialStream, line: &str, end: &str) -> String {
    serial.write_all(line.as_bytes()).await.unwrap();
    serial.write_all(b"\r\n").await.unwrap();
    until(serial, end).await
}

#[tokio::test]
async fn a_plan_is_played_from_power_on_until_it_is_stopped() {
    let busy = Action::HoldBusy(Duration::from_secs(3600));
    let module = Module::new(fast()).fault(plan("AT+CIPMUX?", busy));
    let (mut serial, handle) = module.in_process().unwrap();
    until(&mut serial, "ready\r\n").await;
    ask(&mut serial, "AT", "OK\r\n").await;
    ask(&mut serial, "AT+CIPMUX?", "busy p...\r\n").await;
    let running = |module: &espat_core::fault::Faulty| {
        let ids: Vec<_> = module.running().map(|(id, _)| id).collect();
        ids
    };
    let ids = handle.inspect(running).await.unwrap();
    assert_eq!(ids.len(), 1);
    assert!(handle.stop_fault(ids[0]).await.unwrap());
    ask(&mut serial, "AT", "OK\r\n").await;
    ask(&mut serial, "AT+CIPMUX?", "OK\r\n").await;
    assert!(!handle.stop_fault(ids[0]).await.unwrap());
    assert_eq!(handle.inspect(running).await.unwrap(), []);
}

#[tokio::test]
async fn a_plan_is_started_while_the_module_runs() {
    let (mut serial, handle) = Module::spawn(fast()).unwrap();
    until(&mut serial, "ready\r\n").await;
    let lose = plan("AT+CIPSEND*", Action::Send(SendAction::LosePrompt));
    let id = handle.start_fault(lose).await.unwrap();
    ask(&mut serial, "AT+CWMODE=1", "OK\r\n").await;
    ask(&mut serial, "AT+CWJAP=\"any\",\"password\"", "OK\r\n").await;
    ask(&mut serial, "AT+CIPSTART=\"UDP\",\"127.0.0.1\",9", "OK\r\n").await;
    let said = ask(&mut serial, "AT+CIPSEND=2", "OK\r\n").await;
    assert!(!said.contains('>'));
    serial.write_all(b"ab").await.unwrap();
    let said = until(&mut serial, "SEND OK\r\n").await;
    assert!(!said.contains('>'), "{said:?}");
    handle.stop_fault(id).await.unwrap();
    let said = ask(&mut serial, "AT+CIPSEND=2", ">").await;
    assert!(said.ends_with("OK\r\n\r\n>"), "{said:?}");
    handle.stop().await;
}
