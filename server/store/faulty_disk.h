// faulty_disk: a disk that fails on demand, put between SQLite and the system for the tests.
#pragma once

#include <sqlite3.h>

#include <atomic>
#include <map>
#include <mutex>

namespace qnpc::server {

/// While one lives, databases that are opened use it. One at a time.
class FaultyDisk {
 public:
  FaultyDisk() {
    base_ = sqlite3_vfs_find(nullptr);
    vfs_ = *base_;
    vfs_.zName = "faulty";
    vfs_.xOpen = [](sqlite3_vfs*, const char* path, sqlite3_file* file, int flags, int* out) {
      int code = base_->xOpen(base_, path, file, flags, out);
      if (file->pMethods) file->pMethods = faulty(file->pMethods);
      return code;
    };
    sqlite3_vfs_register(&vfs_, 1);
  }
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;
  ~FaultyDisk() {
    sqlite3_vfs_unregister(&vfs_);
    works();
  }

  void is_full() { write_result_ = SQLITE_FULL; }
  void fails_to_sync() { sync_result_ = SQLITE_IOERR_FSYNC; }
  /// Full too, where the index of the log needs another page.
  void cannot_grow_the_index() { index_result_ = SQLITE_IOERR_SHMSIZE; }
  void works() {
    write_result_ = SQLITE_OK;
    sync_result_ = SQLITE_OK;
    index_result_ = SQLITE_OK;
  }

 private:
  /// The methods of a file, with ours in front of those that may fail.
  static const sqlite3_io_methods* faulty(const sqlite3_io_methods* methods) {
    static std::mutex mutex;
    static std::map<const sqlite3_io_methods*, sqlite3_io_methods> copies;
    std::lock_guard lock(mutex);
    auto [copy, is_new] = copies.try_emplace(methods, *methods);
    if (!is_new) return &copy->second;
    // The same functions for every kind of file of the Unix VFS.
    write_ = methods->xWrite;
    sync_ = methods->xSync;
    if (methods->xShmMap) map_ = methods->xShmMap;  // a log file has none
    copy->second.xWrite = [](sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
      int code = write_result_;
      return code == SQLITE_OK ? write_(file, data, size, offset) : code;
    };
    copy->second.xSync = [](sqlite3_file* file, int flags) {
      int code = sync_result_;
      return code == SQLITE_OK ? sync_(file, flags) : code;
    };
    copy->second.xShmMap = [](sqlite3_file* file, int page, int size, int extend,
                              void volatile** out) {
      int code = extend && page > 0 ? index_result_.load() : SQLITE_OK;
      return code == SQLITE_OK ? map_(file, page, size, extend, out) : code;
    };
    return &copy->second;
  }

  using WriteFunction = int (*)(sqlite3_file*, const void*, int, sqlite3_int64);
  using SyncFunction = int (*)(sqlite3_file*, int);
  using MapFunction = int (*)(sqlite3_file*, int, int, int, void volatile**);
  static inline sqlite3_vfs* base_ = nullptr;
  static inline std::atomic<WriteFunction> write_ = nullptr;
  static inline std::atomic<SyncFunction> sync_ = nullptr;
  static inline std::atomic<MapFunction> map_ = nullptr;
  static inline std::atomic<int> write_result_ = SQLITE_OK;
  static inline std::atomic<int> sync_result_ = SQLITE_OK;
  static inline std::atomic<int> index_result_ = SQLITE_OK;
  sqlite3_vfs vfs_;
};

}  // namespace qnpc::server
