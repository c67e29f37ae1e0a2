#include "client/state/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "qnpc/base/error.h"

namespace qnpc::client {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

[[noreturn]] void fail(const std::string& what, const std::string& path) {
  throw Error(Reason::io, what + " " + path + ": " + std::strerror(errno));
}

// Makes a new name in the folder survive a power loss.
void sync_folder_of(const std::string& path) {
  std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
  Descriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || fsync(fd.get()) != 0) fail("cannot write the folder", folder);
}

std::optional<Secret> read_open_file(const Descriptor& fd, const std::string& path, size_t limit) {
  Secret out(limit + 1);
  size_t size = 0;
  while (size < out.size()) {
    ssize_t n = read(fd.get(), out.reveal_mutable().data() + size, out.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("cannot read", path);
    if (n == 0) return Secret::copy_of(out.reveal().first(size));
    size += static_cast<size_t>(n);
  }
  throw Error(Reason::too_large, path + " holds more than " + std::to_string(limit) + " bytes");
}

}  // namespace

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

void create_private_folder(const std::string& path) {
  if (path.empty() || exists(path)) return;
  create_private_folder(std::filesystem::path(path).parent_path());
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) fail("cannot make the folder", path);
}

void create_private_file(const std::string& path, View content) {
  std::string draft = path + ".new";  // gets its name when it is whole
  Descriptor fd(open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (fd.get() < 0) fail("cannot create", draft);
  size_t size = 0;
  while (size < content.size()) {
    ssize_t n = write(fd.get(), content.data() + size, content.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("cannot write", draft);
    size += static_cast<size_t>(n);
  }
  if (fsync(fd.get()) != 0) fail("cannot write", draft);
  if (link(draft.c_str(), path.c_str()) != 0) fail("cannot create", path);
  unlink(draft.c_str());
  sync_folder_of(path);
}

std::optional<Secret> read_file(const std::string& path, size_t limit) {
  Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0 && errno == ENOENT) return std::nullopt;
  if (fd.get() < 0) fail("cannot read", path);
  return read_open_file(fd, path, limit);
}

std::optional<Secret> read_private_file(const std::string& path, size_t limit) {
  struct stat status {};
  if (stat(path.c_str(), &status) == 0 && (status.st_mode & 077) != 0) {
    throw Error(Reason::io, path + " can be read by others; run: chmod 600 '" + path + "'");
  }
  return read_file(path, limit);
}

}  // namespace qnpc::client
