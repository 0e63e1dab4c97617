//! One database over a disk that loses power and fails: what was committed is there, whole, and nothing else.
//!
//! The caller's part is played here: a journal that is told what each commit added to the write-ahead log, keeps it
//! until a checkpoint has succeeded, and writes it back after a power loss. The journal itself loses nothing; that the
//! real one does not either is the business of its own tests. A failing test names its seed or its operation, with which
//! the same happens again, and the last operations of the disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dormouse_storage::commit::WalRange;
use dormouse_storage::db::wal_path;
use dormouse_storage::file::sim::{Fault, Loss, SimDisk};
use dormouse_storage::file::{FileSystem, Open};
use dormouse_storage::limits::PAGE_CACHE_KIB_MAX;
use dormouse_storage::meta::AlarmRow;
use dormouse_storage::txn::Span;
use dormouse_storage::{Db, Error, Vfs};

/// Long, so that a database has more than two pages: 6 with these.
const NAME_LEN: usize = 14_000;

/// What an object has: its alarm is the value that is written.
type Value = u64;

fn alarm(value: Value) -> Option<AlarmRow> {
    (value > 0).then_some(AlarmRow { scheduled_ms: value, due_ms: value + 1, failed: 2, attempts: 3 })
}

/// What the journal keeps of one commit.
struct Record {
    range: WalRange,
    bytes: Vec<u8>,
}

/// An object's storage and its host.
struct Host {
    /// What a failing test is told, so that it can be done again.
    case: String,
    disk: SimDisk,
    vfs: Vfs,
    path: PathBuf,
    name: String,
    db: Option<Db>,
    journal: Vec<Record>,
    /// What the last commit that succeeded has written.
    committed: Value,
    /// What a commit was to write that failed, or was cut off.
    making: Option<Value>,
    next: Value,
}

impl Host {
    /// On a new disk, with the object's folder.
    fn new(seed: u64, case: &str) -> Self {
        let disk = SimDisk::new(seed);
        let folder = Path::new("/data/objects");
        disk.create_dir(folder).expect("no fault is planned");
        for above in folder.ancestors() {
            disk.sync_dir(above).expect("no fault is planned");
        }
        Self::on(disk, folder.join("object.sqlite"), case)
    }

    fn on(disk: SimDisk, path: PathBuf, case: &str) -> Self {
        let vfs = Vfs::new(Arc::new(disk.clone())).expect("a file system");
        let name = "n".repeat(NAME_LEN);
        Self {
            case: case.to_owned(),
            disk,
            vfs,
            path,
            name,
            db: None,
            journal: Vec::new(),
            committed: 0,
            making: None,
            next: 1,
        }
    }

    fn db(&mut self) -> &mut Db {
        self.db.as_mut().expect("the database was opened")
    }

    /// Where the log has to end at least.
    fn expected(&self) -> Option<WalRange> {
        self.journal.last().map(|last| WalRange { start: 0, ..last.range })
    }

    fn open(&mut self, expected: Option<WalRange>) -> Result<(), Error> {
        self.db = Some(Db::open(&self.vfs, &self.path, Some(&self.name), expected)?);
        Ok(())
    }

    fn draw_value(&mut self) -> Value {
        self.next += 1;
        self.next
    }

    fn set(&mut self, value: Value) -> Result<(), Error> {
        self.db().set_alarm(alarm(value))
    }

    /// Commits a value that was set, and tells the journal.
    fn commit(&mut self, value: Value) -> Result<(), Error> {
        self.making = Some(value);
        let range = self.db().commit()?.expect("something was written");
        self.record(range)?;
        self.committed = value;
        self.making = None;
        Ok(())
    }

    fn record(&mut self, range: WalRange) -> Result<(), Error> {
        let len = usize::try_from(range.end - range.start).expect("a range of a few pages");
        let mut bytes = vec![0; len];
        self.db().read_wal(&mut bytes, range.start)?;
        let whole = self.db().wal();
        assert_eq!((whole.salts, whole.start, whole.end), (range.salts, 0, range.end));
        match self.expected() {
            Some(before) if range.start > 0 => assert_eq!((before.salts, before.end), (range.salts, range.start)),
            _ => assert_eq!(range.start, 0, "a log begins with its header"),
        }
        self.journal.push(Record { range, bytes });
        Ok(())
    }

    fn write(&mut self) -> Result<(), Error> {
        let value = self.draw_value();
        self.set(value)?;
        self.commit(value)
    }

    fn checkpoint(&mut self) -> Result<(), Error> {
        self.db().checkpoint(|| Ok(()))?;
        self.journal.clear();
        assert_eq!(self.db().wal().end, 0);
        Ok(())
    }

    /// What the database says, from its start: its name shows whether pages are missing that hold no alarm.
    fn value(&mut self) -> Result<Value, Error> {
        let found = self.db().alarm()?;
        let value = found.map_or(0, |alarm| alarm.scheduled_ms);
        assert_eq!(found, alarm(value), "an alarm is whole");
        let name = self.db().stored_name()?;
        assert_eq!(name.is_some(), value > 0, "the name is written with the first value");
        assert!(name.is_none_or(|name| name == self.name));
        Ok(value)
    }

    /// Puts the journal's bytes back into the log, and opens. What the log holds beyond them was committed, but its host
    /// was not told: it takes part from here on, or is never seen again.
    fn recover(&mut self) -> Result<(), Error> {
        self.db = None;
        let write = || -> std::io::Result<()> {
            let Some(first) = self.journal.first() else { return Ok(()) };
            assert_eq!(first.range.start, 0);
            let file = self.disk.open(&wal_path(&self.path), Open::OrCreate)?;
            self.journal.iter().try_for_each(|record| file.write_at(&record.bytes, record.range.start))
        };
        write().map_err(|error| Error::Disk { path: self.path.clone(), what: error.to_string() })?;
        self.open(self.expected())?;
        self.adopt()
    }

    /// Tells the journal what the log holds beyond what it knows.
    fn adopt(&mut self) -> Result<(), Error> {
        let have = self.db().wal();
        let known = self.expected().filter(|known| known.salts == have.salts).map_or(0, |known| known.end);
        if have.end > known {
            assert!(self.making.is_some(), "the log holds more than was committed");
            self.record(WalRange { start: known, ..have })?;
        }
        Ok(())
    }

    /// Checks that the database holds the last commit, or the one that was being made; the object goes on with that.
    fn check(&mut self) {
        let found = self.value();
        let allowed = [Some(self.committed), self.making];
        match found {
            Ok(found) if allowed.contains(&Some(found)) => {
                self.committed = found;
                self.making = None;
            }
            found => panic!("found {found:?} and not one of {allowed:?}"),
        }
    }

    /// Moves on to the disk as it is after a power loss.
    fn lose_power(&mut self, seed: u64) {
        self.db = None;
        self.disk = self.disk.power_loss(seed);
        self.vfs = Vfs::new(Arc::new(self.disk.clone())).expect("a file system");
    }

    fn must<T>(&self, result: Result<T, Error>) -> T {
        result.unwrap_or_else(|error| panic!("{error}"))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}; the last operations were\n{}", self.case, self.disk);
        }
    }
}

/// Splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// One turn, or something that happens between turns.
fn step(host: &mut Host, random: &mut Random) -> Result<(), Error> {
    match random.below(20) {
        0..=9 => host.write(),
        10 => {
            let (inner, outer) = (host.draw_value(), host.draw_value());
            host.set(outer)?;
            host.db().begin_nested(Span::Turn)?;
            host.set(inner)?;
            host.db().roll_back_nested()?;
            host.commit(outer)
        }
        11 => {
            let (outer, inner) = (host.draw_value(), host.draw_value());
            host.db().begin_nested(Span::Held)?;
            host.set(outer)?;
            assert_eq!(host.db().commit()?, None);
            host.db().begin_nested(Span::Turn)?;
            host.set(inner)?;
            host.db().end_nested()?;
            host.db().end_nested()?;
            host.commit(inner)
        }
        12 => {
            let value = host.draw_value();
            host.set(value)?;
            host.db().roll_back();
            assert_eq!(host.db().commit()?, None);
            Ok(())
        }
        13..=16 => host.checkpoint(),
        17 => {
            // The process dies before the journal is told of a commit.
            let value = host.draw_value();
            host.set(value)?;
            host.making = Some(value);
            host.db().commit()?;
            host.recover()?;
            assert_eq!(host.value()?, value);
            host.committed = value;
            host.making = None;
            Ok(())
        }
        _ => {
            host.db = None;
            host.open(host.expected())
        }
    }
}

/// A few lives of an object, each ended by a power loss in the middle of something; some recoveries are cut off too.
fn case(seed: u64) {
    let random = &mut Random(seed);
    let mut host = Host::new(seed, &format!("seed {seed}"));
    for life in 0..4 {
        let result = host.recover();
        host.must(result);
        host.check();
        let cut = 1 + random.below(90);
        host.disk.fail_at(cut, Fault::POWER_OFF.after_writing(random.below(5_000) as usize));
        let result = (0..14).try_for_each(|_| {
            step(&mut host, random)?;
            let found = host.value()?;
            assert_eq!(found, host.committed);
            Ok(())
        });
        if host.disk.failed() == 0 {
            host.must(result);
        }
        host.lose_power(seed * 8 + life);
        if random.below(3) == 0 {
            host.disk.fail_at(1 + random.below(8), Fault::POWER_OFF.after_writing(random.below(5_000) as usize));
            let result = host.recover();
            if host.disk.failed() == 0 {
                host.must(result);
            }
            host.lose_power(seed * 8 + life);
        }
    }
}

#[test]
fn after_a_power_loss_at_any_moment_the_last_commit_is_there() {
    (0..400).for_each(case);
}

/// A life in which everything happens that reaches the disk.
fn scenario(host: &mut Host) -> Result<(), Error> {
    host.open(None)?;
    host.write()?;
    host.write()?;
    host.checkpoint()?;
    let (outer, inner) = (host.draw_value(), host.draw_value());
    host.db().begin_nested(Span::Held)?;
    host.set(outer)?;
    host.db().begin_nested(Span::Turn)?;
    host.set(inner)?;
    host.db().roll_back_nested()?;
    host.db().end_nested()?;
    host.commit(outer)?;
    host.write()?;
    host.db = None;
    host.open(host.expected())?;
    host.value()?;
    host.write()?;
    host.checkpoint()?;
    host.db = None;
    host.open(None)?;
    host.value()?;
    host.write()
}

/// Runs the scenario with a fault at each of its operations in turn, and sees what is left: when the process goes on,
/// and when the power goes too.
fn fail_each(plan: impl Fn(&SimDisk, u64)) {
    for n in 1.. {
        let mut host = Host::new(n, &format!("operation {n}"));
        plan(&host.disk, n);
        let result = scenario(&mut host);
        host.db = None;
        if host.disk.failed() == 0 {
            host.must(result);
            assert!(n > 40, "the scenario has {n} operations");
            return;
        }
        if let Err(error) = result {
            assert!(error.is_fatal(), "{error}");
        }
        for seed in 0..4 {
            let mut other = Host::on(host.disk.clone(), host.path.clone(), &format!("{}, loss {seed}", host.case));
            (other.committed, other.making, other.next) = (host.committed, host.making, 1_000);
            other.journal = host
                .journal
                .iter()
                .map(|Record { range, bytes }| Record { range: *range, bytes: bytes.clone() })
                .collect();
            other.lose_power(seed);
            let result = other.recover();
            other.must(result);
            go_on(other);
        }
        host.disk.heal();
        let result = host.open(None).and_then(|()| host.adopt());
        host.must(result);
        go_on(host);
    }
}

/// The object is used on, and loses everything that it may.
fn go_on(mut host: Host) {
    host.check();
    let result = host.write();
    host.must(result);
    host.disk = host.disk.power_loss_of(Loss::Everything, 0);
    host.lose_power(0);
    let result = host.recover();
    host.must(result);
    host.check();
    let result = host.checkpoint();
    host.must(result);
    host.disk = host.disk.power_loss_of(Loss::Everything, 0);
    host.lose_power(0);
    let result = host.recover();
    host.must(result);
    host.check();
}

#[test]
fn when_any_change_fails_a_commit_boundary_is_left() {
    for fault in [Fault::IO, Fault::IO.after_writing(700), Fault::IO.after_writing(usize::MAX), Fault::FULL.lasting()] {
        fail_each(|disk, n| disk.fail_at(n, fault));
    }
}

#[test]
fn when_any_read_fails_a_commit_boundary_is_left() {
    for fault in [Fault::IO, Fault::IO.lasting()] {
        fail_each(|disk, n| disk.fail_read_at(n, fault));
    }
}

#[test]
fn when_the_disk_is_full_a_commit_boundary_is_left_and_with_room_it_goes_on() {
    for sectors in 0.. {
        let mut host = Host::new(sectors, &format!("room for {sectors} sectors"));
        host.disk.set_capacity(Some(sectors * 512));
        let result = scenario(&mut host);
        host.db = None;
        host.disk.set_capacity(None);
        let Err(error) = result else {
            assert!(sectors > 80);
            return;
        };
        assert!(
            error.is_fatal() && error.to_string().contains(if sectors < 8 { "No space" } else { "full" }),
            "{error}"
        );
        let result = host.open(None).and_then(|()| host.adopt());
        host.must(result);
        go_on(host);
    }
}

#[test]
fn a_checkpoint_that_failed_is_made_up_for_by_the_next_one() {
    for n in 1.. {
        let mut host = Host::new(n, &format!("operation {n}"));
        let result = host.recover().and_then(|()| host.write()).and_then(|()| host.write());
        host.must(result);
        host.disk.fail_at(n, Fault::IO);
        let failed = host.checkpoint().is_err();
        assert_eq!(failed, host.disk.failed() > 0);
        host.disk.heal();
        // The database is used on as it is.
        if n % 2 == 0 {
            let result = host.write();
            host.must(result);
        }
        let result = host.checkpoint();
        host.must(result);
        go_on(host);
        if !failed {
            assert!(n > 8);
            return;
        }
    }
}

#[test]
fn a_commit_larger_than_the_page_cache_survives_and_one_that_is_rolled_back_does_not() {
    for seed in 0..6 {
        let mut host = Host::new(seed, &format!("seed {seed}"));
        // Pages are written to the log before the commit, when memory for them ends.
        let large = vec![7; (PAGE_CACHE_KIB_MAX as usize) * 1_024 * 3 / 2];
        let result = host.recover().and_then(|()| host.db().kv_put("large", &large));
        host.must(result);
        assert!(host.disk.counters().bytes_written > 1_000_000);
        host.db().roll_back();
        let result = host.db().kv_put("large", &large).and_then(|()| host.write()).and_then(|()| host.write());
        host.must(result);
        if seed % 2 == 0 {
            host.disk.fail_at(300, Fault::POWER_OFF);
            assert!(host.checkpoint().is_err());
        }
        host.lose_power(seed);
        let result = host.recover();
        host.must(result);
        host.check();
    }
}

#[test]
fn folders_that_were_made_for_a_database_are_there_after_a_checkpoint() {
    let path = Path::new("/data/objects/room/ab/object.sqlite");
    let mut host = Host::on(SimDisk::new(0), path.into(), "new folders");
    // The data folder is the node's own.
    host.disk.create_dir(Path::new("/data")).unwrap();
    host.disk.sync_dir(Path::new("/")).unwrap();
    let result = host.recover().and_then(|()| host.write()).and_then(|()| host.checkpoint());
    host.must(result);
    host.disk = host.disk.power_loss_of(Loss::Everything, 0);
    assert!(host.disk.paths().contains(&path.into()));
    host.lose_power(0);
    let result = host.recover();
    host.must(result);
    host.check();
}

#[test]
fn a_database_that_was_never_written_to_opens_after_a_power_loss() {
    for seed in 0..200 {
        let mut host = Host::new(seed, &format!("seed {seed}"));
        let result = host.open(None);
        host.must(result);
        host.lose_power(seed);
        let result = host.recover();
        host.must(result);
        host.check();
    }
}

#[test]
fn a_changed_bit_of_a_database_that_was_never_written_to_is_noticed() {
    for offset in (0..4_096).step_by(67) {
        let mut host = Host::new(0, &format!("byte {offset}"));
        let result = host.open(None);
        host.must(result);
        host.db = None;
        host.disk.flip(&host.path, offset, 3);
        assert!(matches!(host.open(None), Err(Error::Damaged { .. })), "byte {offset}");
    }
}

#[test]
fn a_commit_syncs_nothing_and_a_checkpoint_its_log_thrice_its_file_and_the_folders_above() {
    let mut host = Host::new(0, "syncs");
    let result = host.recover().and_then(|()| host.write());
    host.must(result);
    for log_header in [0, 32] {
        let before = host.disk.counters();
        let result = host.write();
        host.must(result);
        let commit = host.disk.counters().since(before);
        assert_eq!((commit.syncs, commit.dir_syncs), (0, 0));
        assert_eq!(commit.bytes_written, log_header + 4_120, "a frame: its header and a page");
        let before = host.disk.counters();
        let result = host.checkpoint();
        host.must(result);
        let checkpoint = host.disk.counters().since(before);
        assert_eq!((checkpoint.syncs, checkpoint.dir_syncs), (4, 3));
    }
}

#[test]
fn a_log_is_durable_by_itself_when_it_is_told_of_a_checkpoint_and_stays_when_nobody_hears_it() {
    for seed in 0..4 {
        let mut host = Host::new(seed, &format!("seed {seed}"));
        let result = host.recover().and_then(|()| host.write());
        host.must(result);
        let (disk, mut image) = (host.disk.clone(), None);
        let result = host.db().checkpoint(|| {
            image = Some(disk.power_loss_of(Loss::Everything, seed));
            Err(Error::Guest("nobody hears it".to_owned()))
        });
        assert!(matches!(result, Err(Error::Guest(_))));
        let mut after = Host::on(image.unwrap(), host.path.clone(), "after the power loss");
        after.committed = host.committed;
        let result = after.open(None);
        after.must(result);
        after.check();
        let result = host.write().and_then(|()| host.recover());
        host.must(result);
        host.check();
    }
}

#[test]
fn a_log_that_was_dropped_by_a_failing_sync_is_safe_when_it_was_written_once_more() {
    for seed in 0..16 {
        let mut host = Host::new(seed, &format!("seed {seed}"));
        let result = host.recover().and_then(|()| host.write()).and_then(|()| host.write());
        host.must(result);
        // The folders, then the log.
        host.disk.fail_at(4, Fault::IO);
        assert!(host.db().checkpoint(|| Ok(())).is_err());
        let (disk, mut image) = (host.disk.clone(), None);
        let told = || {
            image = Some(disk.power_loss_of(Loss::Everything, seed));
            Ok(())
        };
        let result = host.db().rewrite_log().and_then(|()| host.db().checkpoint(told));
        host.must(result);
        let mut after = Host::on(image.unwrap(), host.path.clone(), "after the power loss");
        after.committed = host.committed;
        let result = after.open(None);
        after.must(result);
        after.check();
    }
}
