//! SQLite over a [`FileSystem`] of ours.
//!
//! Pages of the database file carry a checksum of their content and place in their last eight bytes (SQLite's *reserved
//! bytes*): it is made when a page is written and checked when one is read, so that a byte that changed on the disk is
//! an error and never an answer. Frames of the write-ahead log have SQLite's own checksums.
//!
//! Nothing is locked: a node owns its folder alone. There is no shared memory either, so databases are opened with
//! `locking_mode=EXCLUSIVE`. Temporary files are refused: they stay in memory (`temp_store`).

use std::ffi::{CStr, CString, OsStr, c_char, c_int, c_void};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::slice;
use std::sync::Arc;

use rusqlite::ffi;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::configure;
use crate::file::{File, FileSystem, Open};
use crate::limits::{PAGE_CHECKSUM_LEN, PAGE_LEN, PATH_LEN_MAX};

/// A file system that databases can be opened on. Cheap to clone; registered until its last clone is dropped.
#[derive(Clone)]
pub struct Vfs(Arc<Registered>);

struct Registered {
    name: CString,
    /// Made by `Box::into_raw`; SQLite knows it until `drop`.
    vfs: *mut ffi::sqlite3_vfs,
}

// SAFETY: SQLite reads the registered structure from any thread and never writes to it but for its list, under a lock of
// its own; what it points to ([`Shared`]) is `Sync`.
unsafe impl Send for Registered {}
// SAFETY: as above.
unsafe impl Sync for Registered {}

/// What the calls of one VFS share.
struct Shared {
    files: Arc<dyn FileSystem>,
    /// SQLite's own, for the clock and randomness.
    base: *mut ffi::sqlite3_vfs,
}

impl Vfs {
    /// Registers a file system with SQLite.
    ///
    /// # Errors
    ///
    /// When SQLite has no memory for it.
    pub fn new(files: Arc<dyn FileSystem>) -> io::Result<Self> {
        configure();
        // SAFETY: finds SQLite's default VFS, which lives as long as the process.
        let base = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
        if base.is_null() {
            return Err(io::Error::other("SQLite has no file system of its own"));
        }
        let shared = Box::into_raw(Box::new(Shared { files, base }));
        // No two that are registered have the same address.
        let name = CString::new(format!("dormouse-{shared:p}")).map_err(io::Error::other)?;
        let vfs = Box::into_raw(Box::new(ffi::sqlite3_vfs {
            iVersion: 2,
            szOsFile: c_int::try_from(size_of::<OpenFile>()).unwrap_or(c_int::MAX),
            mxPathname: PATH_LEN_MAX,
            pNext: ptr::null_mut(),
            zName: name.as_ptr(),
            pAppData: shared.cast(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_pathname),
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: None,
            xGetLastError: None,
            xCurrentTimeInt64: Some(current_time),
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        }));
        // SAFETY: the structure and all that it points to stay until `Registered` is dropped.
        let code = unsafe { ffi::sqlite3_vfs_register(vfs, 0) };
        let registered = Registered { name, vfs };
        match code {
            ffi::SQLITE_OK => Ok(Self(Arc::new(registered))),
            code => Err(io::Error::other(format!("SQLite did not take a file system (code {code})"))),
        }
    }

    /// The name that databases are opened with.
    pub(crate) fn name(&self) -> &CStr {
        &self.0.name
    }

    /// The files below.
    pub fn files(&self) -> &Arc<dyn FileSystem> {
        // SAFETY: `pAppData` was made from a `Shared` and stays until `drop`.
        unsafe { &(*(*self.0.vfs).pAppData.cast::<Shared>()).files }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        // SAFETY: both were made by `Box::into_raw` in `Vfs::new` and are freed once, here. Every open database holds a
        // clone of the `Vfs`, so SQLite uses neither any more.
        unsafe {
            ffi::sqlite3_vfs_unregister(self.vfs);
            drop(Box::from_raw((*self.vfs).pAppData.cast::<Shared>()));
            drop(Box::from_raw(self.vfs));
        }
    }
}

/// What a file is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Database,
    Wal,
    Other,
}

/// A file as SQLite holds it: its own structure comes first.
#[repr(C)]
pub(super) struct OpenFile {
    base: ffi::sqlite3_file,
    kind: Kind,
    path: Box<Path>,
    pub(super) file: Box<dyn File>,
    /// Of a write-ahead log: its header as it was written last, if it was since the file was opened.
    pub(super) header_written: Option<[u8; 32]>,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(lock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

/// The code of a failed operation, which the log hears of with its path: SQLite's own text names neither.
fn fail(what: &str, path: &Path, error: &io::Error, code: c_int) -> c_int {
    tracing::error!(path = %path.display(), %error, "{what} failed");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ffi::SQLITE_FULL,
        _ => code,
    }
}

unsafe fn shared<'a>(vfs: *mut ffi::sqlite3_vfs) -> &'a Shared {
    // SAFETY: SQLite passes the structure that was registered.
    unsafe { &*(*vfs).pAppData.cast::<Shared>() }
}

unsafe fn path_of<'a>(name: *const c_char) -> &'a Path {
    // SAFETY: SQLite passes a terminated string that lives as long as the call.
    Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(name) }.to_bytes()))
}

unsafe fn file_of<'a>(file: *mut ffi::sqlite3_file) -> &'a mut OpenFile {
    // SAFETY: SQLite passes what `open` has filled in, from one thread at a time.
    unsafe { &mut *file.cast::<OpenFile>() }
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: `file` has room for an `OpenFile` (`szOsFile`); without methods SQLite does not close it.
    unsafe { (*file).pMethods = ptr::null() };
    if name.is_null() {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: as documented at these functions.
    let (shared, path) = unsafe { (shared(vfs), path_of(name)) };
    let mode = if flags & ffi::SQLITE_OPEN_CREATE == 0 { Open::Existing } else { Open::OrCreate };
    let opened = match shared.files.open(path, mode) {
        Ok(opened) => opened,
        Err(error) => return fail("opening a file of a database", path, &error, ffi::SQLITE_CANTOPEN),
    };
    let kind = match flags {
        flags if flags & ffi::SQLITE_OPEN_MAIN_DB != 0 => Kind::Database,
        flags if flags & ffi::SQLITE_OPEN_WAL != 0 => Kind::Wal,
        _ => Kind::Other,
    };
    let base = ffi::sqlite3_file { pMethods: &raw const METHODS };
    // SAFETY: the memory is SQLite's, large enough, and holds nothing that would have to be dropped.
    unsafe {
        ptr::write(
            file.cast::<OpenFile>(),
            OpenFile { base, kind, path: path.into(), file: opened, header_written: None },
        );
        if !out_flags.is_null() {
            *out_flags = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: `open` wrote an `OpenFile` there; without methods SQLite uses it no more.
    unsafe {
        ptr::drop_in_place(file.cast::<OpenFile>());
        (*file).pMethods = ptr::null();
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    len: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let (Ok(len), Ok(offset)) = (usize::try_from(len), u64::try_from(offset)) else { return ffi::SQLITE_IOERR_READ };
    // SAFETY: SQLite lends a buffer of `len` bytes.
    let (file, buffer) = unsafe { (file_of(file), slice::from_raw_parts_mut(buffer.cast::<u8>(), len)) };
    match file.file.read_at(buffer, offset) {
        // A page that is asked for is there, and all of it: SQLite itself would take what is missing for zeros.
        Ok(read) if file.kind == Kind::Database && is_page(len, offset) && !is_intact(&buffer[..read], offset) => {
            let page = offset / PAGE_LEN as u64 + 1;
            tracing::error!(path = %file.path.display(), page, "a page of a database is damaged");
            ffi::SQLITE_IOERR_DATA
        }
        Ok(read) if read == len => ffi::SQLITE_OK,
        Ok(read) => {
            buffer[read..].fill(0);
            ffi::SQLITE_IOERR_SHORT_READ
        }
        Err(error) => fail("reading a file of a database", &file.path, &error, ffi::SQLITE_IOERR_READ),
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    len: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let (Ok(len), Ok(offset)) = (usize::try_from(len), u64::try_from(offset)) else { return ffi::SQLITE_IOERR_WRITE };
    // SAFETY: SQLite lends `len` bytes.
    let (file, bytes) = unsafe { (file_of(file), slice::from_raw_parts(bytes.cast::<u8>(), len)) };
    let written = match file.kind {
        Kind::Database if is_page(len, offset) => file.file.write_at(&sealed(bytes, offset), offset),
        _ => file.file.write_at(bytes, offset),
    };
    if let Err(error) = written {
        return fail("writing a file of a database", &file.path, &error, ffi::SQLITE_IOERR_WRITE);
    }
    if file.kind == Kind::Wal && offset == 0 {
        file.header_written = bytes.try_into().ok();
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, len: ffi::sqlite3_int64) -> c_int {
    // SAFETY: as documented at `file_of`.
    let file = unsafe { file_of(file) };
    match file.file.set_len(u64::try_from(len).unwrap_or(0)) {
        Ok(()) => ffi::SQLITE_OK,
        Err(error) => fail("cutting a file of a database", &file.path, &error, ffi::SQLITE_IOERR_TRUNCATE),
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: as documented at `file_of`.
    let file = unsafe { file_of(file) };
    match file.file.sync() {
        Ok(()) => ffi::SQLITE_OK,
        Err(error) => fail("syncing a file of a database", &file.path, &error, ffi::SQLITE_IOERR_FSYNC),
    }
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: as documented at `file_of`.
    let file = unsafe { file_of(file) };
    match file.file.len() {
        Ok(len) => {
            // SAFETY: SQLite lends the place for the answer.
            unsafe { *size = i64::try_from(len).unwrap_or(i64::MAX) };
            ffi::SQLITE_OK
        }
        Err(error) => fail("asking for the size of a database", &file.path, &error, ffi::SQLITE_IOERR_FSTAT),
    }
}

unsafe extern "C" fn lock(_file: *mut ffi::sqlite3_file, _level: c_int) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(_file: *mut ffi::sqlite3_file, reserved: *mut c_int) -> c_int {
    // SAFETY: SQLite lends the place for the answer.
    unsafe { *reserved = 0 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_file: *mut ffi::sqlite3_file, _op: c_int, _argument: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_file: *mut ffi::sqlite3_file) -> c_int {
    4_096
}

unsafe extern "C" fn device_characteristics(_file: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, _sync_dir: c_int) -> c_int {
    // SAFETY: as documented at these functions.
    let (shared, path) = unsafe { (shared(vfs), path_of(name)) };
    match shared.files.remove(path) {
        Ok(()) => ffi::SQLITE_OK,
        Err(error) => fail("removing a file of a database", path, &error, ffi::SQLITE_IOERR_DELETE),
    }
}

unsafe extern "C" fn access(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    _flags: c_int,
    answer: *mut c_int,
) -> c_int {
    // SAFETY: as documented at these functions.
    let (shared, path) = unsafe { (shared(vfs), path_of(name)) };
    match shared.files.exists(path) {
        Ok(exists) => {
            // SAFETY: SQLite lends the place for the answer.
            unsafe { *answer = c_int::from(exists) };
            ffi::SQLITE_OK
        }
        Err(error) => fail("looking for a file of a database", path, &error, ffi::SQLITE_IOERR_ACCESS),
    }
}

unsafe extern "C" fn full_pathname(
    _vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite passes a terminated string and room for `room` bytes.
    unsafe {
        let len = CStr::from_ptr(name).to_bytes_with_nul().len();
        if len > usize::try_from(room).unwrap_or(0) {
            return ffi::SQLITE_CANTOPEN;
        }
        ptr::copy_nonoverlapping(name, out, len);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(vfs: *mut ffi::sqlite3_vfs, len: c_int, out: *mut c_char) -> c_int {
    // SAFETY: the call is handed on to SQLite's own VFS with what it expects.
    unsafe {
        let base = shared(vfs).base;
        (*base).xRandomness.map_or(0, |call| call(base, len, out))
    }
}

unsafe extern "C" fn sleep(vfs: *mut ffi::sqlite3_vfs, micros: c_int) -> c_int {
    // SAFETY: as above.
    unsafe {
        let base = shared(vfs).base;
        (*base).xSleep.map_or(0, |call| call(base, micros))
    }
}

unsafe extern "C" fn current_time(vfs: *mut ffi::sqlite3_vfs, out: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: as above.
    unsafe {
        let base = shared(vfs).base;
        (*base).xCurrentTimeInt64.map_or(ffi::SQLITE_ERROR, |call| call(base, out))
    }
}

/// Whether SQLite reads or writes a whole page; it reads parts of the first one too.
fn is_page(len: usize, offset: u64) -> bool {
    len == PAGE_LEN && offset.is_multiple_of(PAGE_LEN as u64)
}

/// The version of SQLite that an empty page says it was written by. Nobody asks; but it is always the same page, which
/// can be told from a damaged one.
const WRITTEN_BY: u32 = 3_053_002;

/// The one page of a database that holds nothing, in WAL mode: SQLite's file format, sections 1.3 and 1.6.
pub(crate) fn empty_page() -> [u8; PAGE_LEN] {
    let mut page = [0; PAGE_LEN];
    page[..16].copy_from_slice(b"SQLite format 3\0");
    page[16..18].copy_from_slice(&[(PAGE_LEN >> 8) as u8, 0]);
    // Format versions for writing and reading: 2 is WAL. Then the reserved bytes, and payload fractions as they must be.
    page[18..24].copy_from_slice(&[2, 2, PAGE_CHECKSUM_LEN as u8, 64, 32, 32]);
    // The change counter, the number of pages, and the counter for which that number holds.
    page[24..32].copy_from_slice(&[0, 0, 0, 1, 0, 0, 0, 1]);
    page[92..96].copy_from_slice(&[0, 0, 0, 1]);
    page[96..100].copy_from_slice(&WRITTEN_BY.to_be_bytes());
    // The root of the schema: a leaf of a table, without cells, whose content would start at the end.
    page[100] = 13;
    page[105..107].copy_from_slice(&((PAGE_LEN - PAGE_CHECKSUM_LEN) as u16).to_be_bytes());
    sealed(&page, 0)
}

/// A page with its checksum.
fn sealed(page: &[u8], offset: u64) -> [u8; PAGE_LEN] {
    let mut out = [0; PAGE_LEN];
    let content = &page[..PAGE_LEN - PAGE_CHECKSUM_LEN];
    out[..content.len()].copy_from_slice(content);
    out[content.len()..].copy_from_slice(&checksum(content, offset));
    out
}

fn is_intact(page: &[u8], offset: u64) -> bool {
    let whole = page.split_at_checked(PAGE_LEN - PAGE_CHECKSUM_LEN);
    whole.is_some_and(|(content, have)| checksum(content, offset) == have)
}

fn checksum(content: &[u8], offset: u64) -> [u8; PAGE_CHECKSUM_LEN] {
    xxh3_64_with_seed(content, offset).to_le_bytes()
}
