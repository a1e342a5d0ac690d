// SPDX-License-Identifier: Apache-2.0
#include "local/test_disk_vfs.hpp"

#include <new>

#include "local/test_disk.hpp"

namespace jitney::local {
namespace {

// What SQLite keeps for an open file: ours, and right behind it the system's.
struct File {
  sqlite3_file base;  // first: SQLite knows no more of it
  TestDisk* disk;
  std::string* path;
  sqlite3_file* real;
};

File& of(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }
TestDisk& disk_of(sqlite3_vfs* vfs) { return *static_cast<TestDisk*>(vfs->pAppData); }
sqlite3_vfs* system_of(sqlite3_vfs* vfs) { return disk_of(vfs).system(); }

int close(sqlite3_file* base) {
  File& file = of(base);
  delete file.path;
  return file.real->pMethods->xClose(file.real);
}

int read(sqlite3_file* base, void* into, int bytes, sqlite3_int64 offset) {
  const File& file = of(base);
  if (!file.disk->has_power()) return SQLITE_IOERR_READ;
  return file.real->pMethods->xRead(file.real, into, bytes, offset);
}

int write(sqlite3_file* base, const void* from, int bytes, sqlite3_int64 offset) {
  const File& file = of(base);
  if (file.disk->call_fails()) return SQLITE_IOERR_WRITE;
  sqlite3_int64 size = 0;
  if (const int code = file.real->pMethods->xFileSize(file.real, &size); code != SQLITE_OK) {
    return code;
  }
  const int fitting = file.disk->room_for(size, offset, bytes);
  if (fitting > 0) {
    const int code = file.real->pMethods->xWrite(file.real, from, fitting, offset);
    if (code != SQLITE_OK) return code;
    file.disk->wrote(*file.path, offset,
                     {static_cast<const char*>(from), static_cast<std::size_t>(fitting)});
  }
  return fitting == bytes ? SQLITE_OK : SQLITE_FULL;
}

int truncate(sqlite3_file* base, sqlite3_int64 size) {
  const File& file = of(base);
  if (file.disk->call_fails()) return SQLITE_IOERR_TRUNCATE;
  const int code = file.real->pMethods->xTruncate(file.real, size);
  if (code == SQLITE_OK) file.disk->truncated(*file.path, size);
  return code;
}

// The system is never asked to sync: what is durable is decided here.
int sync(sqlite3_file* base, int) {
  const File& file = of(base);
  if (file.disk->call_fails()) {
    file.disk->sync_failed(*file.path);
    return SQLITE_IOERR_FSYNC;
  }
  file.disk->synced(*file.path);
  return SQLITE_OK;
}

int file_size(sqlite3_file* base, sqlite3_int64* size) {
  return of(base).real->pMethods->xFileSize(of(base).real, size);
}
int lock(sqlite3_file* base, int level) {
  return of(base).real->pMethods->xLock(of(base).real, level);
}
int unlock(sqlite3_file* base, int level) {
  return of(base).real->pMethods->xUnlock(of(base).real, level);
}
int check_reserved(sqlite3_file* base, int* out) {
  return of(base).real->pMethods->xCheckReservedLock(of(base).real, out);
}
int control(sqlite3_file* base, int what, void* argument) {
  return of(base).real->pMethods->xFileControl(of(base).real, what, argument);
}
int sector_size(sqlite3_file* base) { return of(base).real->pMethods->xSectorSize(of(base).real); }
int characteristics(sqlite3_file* base) {
  return of(base).real->pMethods->xDeviceCharacteristics(of(base).real);
}
int shm_map(sqlite3_file* base, int region, int size, int extend, void volatile** out) {
  return of(base).real->pMethods->xShmMap(of(base).real, region, size, extend, out);
}
int shm_lock(sqlite3_file* base, int offset, int count, int flags) {
  return of(base).real->pMethods->xShmLock(of(base).real, offset, count, flags);
}
void shm_barrier(sqlite3_file* base) { of(base).real->pMethods->xShmBarrier(of(base).real); }
int shm_unmap(sqlite3_file* base, int remove) {
  return of(base).real->pMethods->xShmUnmap(of(base).real, remove);
}

// Version 2: without memory-mapped reads, which would go past us.
constexpr sqlite3_io_methods kMethods = {.iVersion = 2,
                                         .xClose = close,
                                         .xRead = read,
                                         .xWrite = write,
                                         .xTruncate = truncate,
                                         .xSync = sync,
                                         .xFileSize = file_size,
                                         .xLock = lock,
                                         .xUnlock = unlock,
                                         .xCheckReservedLock = check_reserved,
                                         .xFileControl = control,
                                         .xSectorSize = sector_size,
                                         .xDeviceCharacteristics = characteristics,
                                         .xShmMap = shm_map,
                                         .xShmLock = shm_lock,
                                         .xShmBarrier = shm_barrier,
                                         .xShmUnmap = shm_unmap,
                                         .xFetch = nullptr,
                                         .xUnfetch = nullptr};

int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* base, int flags, int* out_flags) {
  File& file = of(base);
  file.base.pMethods = nullptr;
  file.disk = &disk_of(vfs);
  file.real = reinterpret_cast<sqlite3_file*>(&file + 1);
  if (!file.disk->has_power()) return SQLITE_CANTOPEN;
  const int code = system_of(vfs)->xOpen(system_of(vfs), path, file.real, flags, out_flags);
  if (code != SQLITE_OK) return code;
  file.path = new std::string(path == nullptr ? "" : path);
  file.disk->opened(*file.path, (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0);
  file.base.pMethods = &kMethods;
  return SQLITE_OK;
}

int remove(sqlite3_vfs* vfs, const char* path, int sync_directory) {
  TestDisk& disk = disk_of(vfs);
  if (disk.call_fails()) return SQLITE_IOERR_DELETE;
  const int code = system_of(vfs)->xDelete(system_of(vfs), path, 0);
  if (code == SQLITE_OK) disk.deleted(path, sync_directory != 0);
  return code;
}

int access(sqlite3_vfs* vfs, const char* path, int flags, int* out) {
  return system_of(vfs)->xAccess(system_of(vfs), path, flags, out);
}
int full_pathname(sqlite3_vfs* vfs, const char* path, int size, char* out) {
  return system_of(vfs)->xFullPathname(system_of(vfs), path, size, out);
}
int randomness(sqlite3_vfs* vfs, int bytes, char* out) {
  return system_of(vfs)->xRandomness(system_of(vfs), bytes, out);
}
int sleep(sqlite3_vfs* vfs, int microseconds) {
  return system_of(vfs)->xSleep(system_of(vfs), microseconds);
}
int current_time(sqlite3_vfs* vfs, double* out) {
  return system_of(vfs)->xCurrentTime(system_of(vfs), out);
}
int last_error(sqlite3_vfs* vfs, int size, char* out) {
  return system_of(vfs)->xGetLastError(system_of(vfs), size, out);
}

}  // namespace

sqlite3_vfs test_disk_vfs(TestDisk& disk, const sqlite3_vfs& system, const std::string& name) {
  sqlite3_vfs vfs{};
  vfs.iVersion = 1;
  vfs.szOsFile = static_cast<int>(sizeof(File)) + system.szOsFile;
  vfs.mxPathname = system.mxPathname;
  vfs.zName = name.c_str();
  vfs.pAppData = &disk;
  vfs.xOpen = open;
  vfs.xDelete = remove;
  vfs.xAccess = access;
  vfs.xFullPathname = full_pathname;
  vfs.xRandomness = randomness;
  vfs.xSleep = sleep;
  vfs.xCurrentTime = current_time;
  vfs.xGetLastError = last_error;
  return vfs;
}

}  // namespace jitney::local
