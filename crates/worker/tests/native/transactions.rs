//! Transactions, as an object's author sees them.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use worker::*;

use crate::kept::Kept;

#[durable_object]
struct Ledger {
    state: State,
}

impl DurableObject for Ledger {
    fn new(state: State, _env: Env) -> Self {
        Self { state }
    }

    async fn fetch(&self, req: Request) -> Result<Response> {
        let storage = self.state.storage();
        let text = match req.path().as_str() {
            "/commit" => commit(storage).await?,
            "/error" => error(storage).await?,
            "/rollback" => rollback(storage).await?,
            "/nested" => nested(storage).await?,
            "/outer" => outer(storage).await?,
            "/deep" => deep(storage, 0).await?,
            "/late" => late(storage).await?,
            "/methods" => methods(storage).await?,
            "/all" => all(storage).await?,
            "/alarm" => alarm(storage).await?,
            "/sync" => sync(&storage)?,
            "/sync-nested" => sync_nested(&storage)?,
            "/keys" => keys(&storage).await?,
            "/forget" => forget(storage).await?,
            "/abort" => {
                let state = self.state.clone();
                storage
                    .transaction(|txn| async move {
                        txn.put("a", 1).await?;
                        pause().await;
                        state.abort("in a transaction");
                        Ok(())
                    })
                    .await?;
                String::new()
            }
            "/panic" => {
                storage.put("before", 1).await?;
                storage
                    .transaction(|txn| async move {
                        txn.put("a", 1).await?;
                        pause().await;
                        panic!("in a transaction")
                    })
                    .await?;
                String::new()
            }
            "/gate" => gate(&self.state).await?,
            path => return Err(Error::from(format!("no test {path}"))),
        };
        Response::ok(text)
    }
}

fn pause() -> Delay {
    Delay::from(Duration::from_millis(20))
}

async fn keys(storage: &Storage) -> Result<String> {
    Ok(storage.list().await?.keys().collect::<Vec<_>>().join(","))
}

async fn commit(storage: Storage) -> Result<String> {
    let inside = storage.clone();
    storage
        .transaction(|txn| async move {
            txn.put("a", 1).await?;
            pause().await;
            inside.put("b", 2).await?;
            inside.sql().exec("CREATE TABLE t (a)", None)?;
            Ok(())
        })
        .await?;
    keys(&storage).await
}

async fn error(storage: Storage) -> Result<String> {
    storage.put("a", 0).await?;
    let inside = storage.clone();
    let failed = storage.transaction(|txn| async move {
        txn.put("a", 1).await?;
        pause().await;
        inside.put("b", 1).await?;
        inside.sql().exec("CREATE TABLE t (a)", None)?;
        Err("on purpose".into())
    });
    let failed = failed.await.unwrap_err();
    let tables = storage.sql().exec("SELECT 1 FROM sqlite_schema WHERE name = 't'", None)?.raw().count();
    Ok(format!("{failed} {:?} {} {tables}", storage.get::<u8>("a").await?, keys(&storage).await?))
}

async fn rollback(storage: Storage) -> Result<String> {
    let said = Rc::new(RefCell::new(Vec::new()));
    let (says, inside) = (said.clone(), storage.clone());
    storage
        .transaction(|txn| async move {
            txn.put("a", 1).await?;
            txn.rollback()?;
            txn.rollback()?;
            *says.borrow_mut() = vec![
                txn.get::<u8>("a").await.unwrap_err(),
                txn.get_multiple(vec!["a"]).await.unwrap_err(),
                txn.put("a", 1).await.unwrap_err(),
                txn.put_multiple([("a", 1)]).await.unwrap_err(),
                txn.delete("a").await.unwrap_err(),
                txn.delete_multiple(vec!["a"]).await.unwrap_err(),
                txn.list().await.unwrap_err(),
                txn.list_with_options(ListOptions::new()).await.unwrap_err(),
            ];
            inside.put("after", 1).await
        })
        .await?;
    let said = said.borrow().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    Ok(format!("{said}\n{}", keys(&storage).await?))
}

async fn nested(storage: Storage) -> Result<String> {
    let inside = storage.clone();
    storage
        .transaction(|outer| async move {
            outer.put("outer", 1).await?;
            let kept = inside.transaction(|inner| async move { inner.put("kept", 1).await });
            kept.await?;
            let failed = inside.transaction(|inner| async move {
                inner.put("lost", inner.get::<u8>("kept").await?).await?;
                pause().await;
                Err("inner".into())
            });
            assert_eq!(failed.await.unwrap_err().to_string(), "inner");
            outer.put("last", 1).await
        })
        .await?;
    let inside = storage.clone();
    let failed = storage.transaction(|_| async move {
        inside.transaction(|inner| async move { inner.put("both", 1).await }).await?;
        Err("outer".into())
    });
    Ok(format!("{} {}", failed.await.unwrap_err(), keys(&storage).await?))
}

/// The outer one cannot end while an inner one is open.
async fn outer(storage: Storage) -> Result<String> {
    let said = Rc::new(RefCell::new(String::new()));
    let (says, inside) = (said.clone(), storage.clone());
    storage
        .transaction(|outer| async move {
            outer.put("outer", 1).await?;
            inside.transaction_sync(|| {
                inside.kv().put("inner", 1)?;
                *says.borrow_mut() = outer.rollback().unwrap_err().to_string();
                Ok(())
            })
        })
        .await?;
    let keys = keys(&storage).await?;
    Ok(format!("{} {keys}", said.borrow()))
}

async fn deep(storage: Storage, depth: usize) -> Result<String> {
    fn enter(storage: &Storage, depth: usize) -> Result<usize> {
        storage.transaction_sync(|| match depth {
            0 => Ok(0),
            _ => enter(storage, depth - 1),
        })
    }
    enter(&storage, 63)?;
    Ok(format!("{depth} {}", enter(&storage, 64).unwrap_err()))
}

async fn late(storage: Storage) -> Result<String> {
    let kept = Rc::new(RefCell::new(None));
    let keep = kept.clone();
    storage
        .transaction(|txn| async move {
            *keep.borrow_mut() = Some(txn);
            Ok(())
        })
        .await?;
    let txn = kept.take().ok_or("no transaction")?;
    Ok(format!("{}\n{}", txn.put("a", 1).await.unwrap_err(), txn.rollback().unwrap_err()))
}

async fn methods(storage: Storage) -> Result<String> {
    storage.put_multiple(std::collections::BTreeMap::from([("a", 1), ("b", 2), ("c", 3)])).await?;
    let said = Rc::new(RefCell::new(String::new()));
    let says = said.clone();
    storage
        .transaction(|txn| async move {
            let got: u8 = txn.get("a").await?;
            let missing = txn.get::<u8>("x").await.unwrap_err();
            let several = txn.get_multiple(vec!["c", "a"]).await?.size();
            txn.put_multiple(std::collections::BTreeMap::from([("d", 4)])).await?;
            let deleted = txn.delete("a").await?;
            let count = txn.delete_multiple(vec!["b", "x"]).await?;
            let all = txn.list().await?.size();
            let some = txn.list_with_options(ListOptions::new().start("d")).await?.size();
            *says.borrow_mut() = format!("{got} {missing} {several} {deleted} {count} {all} {some}");
            Ok(())
        })
        .await?;
    let keys = keys(&storage).await?;
    Ok(format!("{} {keys}", said.borrow()))
}

async fn all(storage: Storage) -> Result<String> {
    storage.put("a", 1).await?;
    let by_txn = storage.transaction(|txn| async move { txn.delete_all().await }).await.unwrap_err();
    let inside = storage.clone();
    let by_storage = storage.transaction(|_| async move { inside.delete_all().await }).await.unwrap_err();
    Ok(format!("{by_txn}, {by_storage}, {}", keys(&storage).await?))
}

async fn alarm(storage: Storage) -> Result<String> {
    storage.set_alarm(Date::new(DateInit::Millis(4_102_444_800_000))).await?;
    let inside = storage.clone();
    let failed = storage.transaction(|_| async move {
        inside.delete_alarm().await?;
        assert_eq!(inside.get_alarm().await?, None);
        Err("on purpose".into())
    });
    failed.await.unwrap_err();
    let after_error = storage.get_alarm().await?;
    let inside = storage.clone();
    storage.transaction(|_| async move { inside.delete_alarm().await }).await?;
    Ok(format!("{after_error:?} {:?}", storage.get_alarm().await?))
}

fn sync(storage: &Storage) -> Result<String> {
    let kv = storage.kv();
    let value = storage.transaction_sync(|| {
        kv.put("a", 1)?;
        Ok("value")
    })?;
    let failed = storage.transaction_sync(|| {
        kv.put("a", 2)?;
        storage.sql().exec("SELEC", None).map(drop)
    });
    // What unwinds is rolled back too, should somebody catch it.
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        storage.transaction_sync(|| {
            kv.put("b", 2)?;
            std::panic::resume_unwind(Box::new("caught"));
            #[expect(unreachable_code, reason = "tells the type")]
            Ok(())
        })
    }));
    let keys = kv.list()?.keys().collect::<Vec<_>>().join(",");
    Ok(format!("{value} {} {} {:?} {keys}", failed.unwrap_err(), unwound.is_err(), kv.get::<u8>("a")?))
}

fn sync_nested(storage: &Storage) -> Result<String> {
    let kv = storage.kv();
    storage.transaction_sync(|| {
        kv.put("a", 1)?;
        let inner = storage.transaction_sync(|| {
            kv.put("b", 1)?;
            Err::<(), _>("inner".into())
        });
        kv.put("c", 1)?;
        assert!(inner.is_err());
        Ok(())
    })?;
    Ok(kv.list()?.keys().collect::<Vec<_>>().join(","))
}

/// A transaction whose future is dropped goes on once it has begun.
async fn forget(storage: Storage) -> Result<String> {
    let mut transaction = Box::pin(storage.transaction(|txn| async move {
        pause().await;
        txn.put("forgotten", 1).await
    }));
    let begun = std::future::poll_fn(|cx| std::task::Poll::Ready(transaction.as_mut().poll(cx).is_pending()));
    let begun = begun.await;
    drop(transaction);
    // Goes on after the critical section.
    Delay::from(Duration::ZERO).await;
    Ok(format!("{begun} {}", keys(&storage).await?))
}

async fn gate(state: &State) -> Result<String> {
    let order = Rc::new(RefCell::new(Vec::new()));
    let (inside, beside) = (order.clone(), order.clone());
    state.wait_until(async move { beside.borrow_mut().push("beside") });
    state
        .storage()
        .transaction(|_| async move {
            inside.borrow_mut().push("begin");
            pause().await;
            inside.borrow_mut().push("end");
            Ok(())
        })
        .await?;
    while order.borrow().len() < 3 {
        Delay::from(Duration::from_millis(1)).await;
    }
    Ok(order.take().join(" "))
}

async fn entry(req: Request, env: Env, _ctx: Context) -> Result<Response> {
    env.durable_object("LEDGER")?.get_by_name("one")?.fetch_with_request(req).await
}

fn app() -> App {
    App::new(entry).object::<Ledger>("LEDGER").respond_with_errors()
}

fn check(path: &str, expected: &str) {
    assert_eq!(Kept::new(app).ask(path), expected);
}

#[test]
fn a_transaction_commits_when_it_succeeds() {
    let mut kept = Kept::new(app);
    assert_eq!(kept.ask("/commit"), "a,b");
    kept.restart();
    assert_eq!(kept.ask("/keys"), "a,b");
}

#[test]
fn an_error_rolls_back_and_is_returned() {
    let mut kept = Kept::new(app);
    assert_eq!(kept.ask("/error"), "on purpose Some(0) a 0");
    kept.restart();
    assert_eq!(kept.ask("/keys"), "a");
}

#[test]
fn after_a_rollback_the_closure_goes_on_without_its_transaction() {
    let over = |call: &str| format!("Cannot {call}() on rolled back transaction\n");
    let calls = ["get", "get", "put", "put", "delete", "delete", "list", "list"].map(over).concat();
    check("/rollback", &format!("{calls}after"));
}

#[test]
fn transactions_nest() {
    check("/nested", "outer kept,last,outer");
}

#[test]
fn an_outer_transaction_waits_for_its_inner_ones() {
    check("/outer", "Cannot roll back an outer transaction while a nested transaction is still running. inner,outer");
}

#[test]
fn sixty_four_transactions_nest_and_no_more() {
    check("/deep", "0 Transactions are nested too deeply.");
}

#[test]
fn a_transaction_that_has_ended_refuses_everything() {
    let over = |call: &str| {
        format!(
            "Cannot call {call}() on transaction that has already committed: did you move `txn` outside of the closure?"
        )
    };
    check("/late", &format!("{}\n{}", over("put"), over("rollback")));
}

#[test]
fn a_transaction_has_the_methods_of_the_storage() {
    check("/methods", "1 No such value in storage. 2 true 1 2 1 c,d");
}

#[test]
fn not_everything_can_be_deleted_in_a_transaction() {
    let text = "Cannot call deleteAll() within a transaction";
    check("/all", &format!("{text}, {text}, a"));
}

#[test]
fn an_alarm_is_part_of_its_transaction() {
    check("/alarm", "Some(4102444800000) None");
}

#[test]
fn transactions_without_async() {
    check("/sync", "value near \"SELEC\": syntax error at offset 0: SQLITE_ERROR true Some(1) a");
    check("/sync-nested", "a,c");
}

#[test]
fn a_transaction_goes_on_when_nobody_waits_for_it() {
    check("/forget", "true forgotten");
}

#[test]
fn what_was_open_is_lost_with_the_object() {
    let kept = Kept::new(app);
    assert_eq!(kept.fail("/abort"), "Error: in a transaction");
    assert_eq!(kept.ask("/keys"), "");
    // What the turn before the transaction wrote was committed when that began.
    assert_eq!(kept.fail("/panic"), "Error: panicked: in a transaction");
    assert_eq!(kept.ask("/keys"), "before");
}

#[test]
fn nothing_else_happens_during_a_transaction() {
    check("/gate", "begin end beside");
}
