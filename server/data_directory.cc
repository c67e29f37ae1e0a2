#include "server/data_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "qnpc/base/error.h"

namespace qnpc::server {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& what, const fs::path& path, const std::string& remedy) {
  throw Error(Reason::io, what + " " + path.string() + ": " + strerror(errno) + ". " + remedy);
}

constexpr const char* choose_another =
    "Make it writable for this user, or choose another directory with --data-dir.";

Secret read_key(const fs::path& path) {
  kj::AutoCloseFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() < 0) fail("cannot read the key", path, "Give the file to this user.");
  struct stat status {};
  if (fstat(file, &status) != 0) fail("cannot look at the key", path, "Check the disk.");
  if ((status.st_mode & 077) != 0) {
    throw Error(Reason::io,
                "others may read the key " + path.string() + ". Run: chmod 600 " + path.string());
  }
  Secret key(crypto::x25519_key_size);
  ssize_t size = read(file, key.reveal_mutable().data(), key.size());
  if (size != static_cast<ssize_t>(key.size()) || status.st_size != size) {
    throw Error(Reason::corrupt, "the key " + path.string() +
                                     " does not have 32 bytes. Put a "
                                     "backup in its place; without one remove it, and clients will "
                                     "have to accept a new key.");
  }
  return key;
}

/// Under a name of its own first, then linked: the key is there whole, or not at all, and of two
/// processes that do this at once, one wins and both read its key.
void create_key(const fs::path& path, const Secret& key) {
  fs::path unfinished = path.string() + "." + std::to_string(getpid());
  unlink(unfinished.c_str());
  kj::AutoCloseFd file(open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.get() < 0) fail("cannot create the key", path, choose_another);
  ssize_t size = write(file, key.reveal().data(), key.size());
  bool written = size == static_cast<ssize_t>(key.size()) && fsync(file) == 0 &&
                 (link(unfinished.c_str(), path.c_str()) == 0 || errno == EEXIST);
  int error = errno;
  unlink(unfinished.c_str());
  errno = error;
  if (!written) fail("cannot write the key", path, "Make room on the disk.");
  kj::AutoCloseFd directory(open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || fsync(directory) != 0) {
    fail("cannot make durable", path, "Check the disk.");
  }
}

}  // namespace

void make_data_directory(const std::string& path) {
  std::error_code error;
  // Folders on the way there get the usual mode, the last one is ours alone.
  fs::create_directories(fs::path(path).parent_path(), error);
  if (mkdir(path.c_str(), 0700) == 0) return;
  if (errno != EEXIST) fail("cannot create the data directory", path, choose_another);
  if (!fs::is_directory(path, error)) {
    errno = ENOTDIR;
    fail("cannot use the data directory", path, choose_another);
  }
  if (access(path.c_str(), R_OK | W_OK | X_OK) != 0) {
    fail("cannot use the data directory", path, choose_another);
  }
}

kj::AutoCloseFd lock_data_directory(const std::string& path) {
  fs::path name = fs::path(path) / "lock";
  kj::AutoCloseFd lock(open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock.get() < 0) fail("cannot create", name, choose_another);
  if (flock(lock, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) fail("cannot lock", name, "Choose a directory on a local disk.");
  throw Error(Reason::io, "another server uses the data directory " + path +
                              ". Stop it, or choose another directory with --data-dir.");
}

crypto::X25519KeyPair load_or_create_key(const std::string& directory, Random& random) {
  fs::path path = fs::path(directory) / "noise_key";
  if (!fs::exists(path)) create_key(path, crypto::generate_x25519_key(random).private_key);
  return crypto::x25519_key_from_private(read_key(path).reveal());
}

std::string database_path(const std::string& directory) {
  return (fs::path(directory) / "server.db").string();
}

std::string admin_socket_path(const std::string& directory) {
  std::string path = (fs::path(directory) / "admin.sock").string();
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    throw Error(Reason::usage, "the path " + path + " is too long for a socket, which has " +
                                   std::to_string(sizeof(sockaddr_un::sun_path) - 1) +
                                   " bytes for it. Choose a shorter --data-dir");
  }
  return path;
}

}  // namespace qnpc::server
