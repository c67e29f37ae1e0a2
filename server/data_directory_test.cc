#include "server/data_directory.h"

#include <gtest/gtest.h>

#include <fstream>

#include "qnpc/crypto/system_random.h"
#include "tests/support/reason_of.h"
#include "tests/support/temporary_directory.h"

namespace qnpc::server {
namespace {

namespace fs = std::filesystem;
using test::reason_of;
using test::TemporaryDirectory;

class DataDirectory : public testing::Test {
 protected:
  TemporaryDirectory directory;
  std::string path = directory.file("data");
  crypto::SystemRandom random;
};

TEST_F(DataDirectory, IsMadeForItsOwnerAlone) {
  std::string deep = directory.file("a/b/data");
  make_data_directory(deep);
  EXPECT_EQ(fs::status(deep).permissions(), fs::perms::owner_all);
  make_data_directory(deep);
}

TEST_F(DataDirectory, IsRefusedWhereItCanNotBe) {
  std::ofstream(path) << "a file";
  EXPECT_EQ(reason_of([&] { make_data_directory(path); }), Reason::io);
  EXPECT_EQ(reason_of([&] { make_data_directory(path + "/below"); }), Reason::io);
}

TEST_F(DataDirectory, HasOneUserAtATime) {
  make_data_directory(path);
  {
    kj::AutoCloseFd lock = lock_data_directory(path);
    EXPECT_EQ(reason_of([&] { lock_data_directory(path); }), Reason::io);
  }
  lock_data_directory(path);
}

TEST_F(DataDirectory, KeyIsMadeOnceAndKept) {
  make_data_directory(path);
  auto first = load_or_create_key(path, random);
  auto second = load_or_create_key(path, random);
  EXPECT_EQ(first.public_key, second.public_key);
  EXPECT_EQ(fs::status(path + "/noise_key").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(std::distance(fs::directory_iterator(path), {}), 1) << "something was left behind";
}

TEST_F(DataDirectory, KeyThatOthersMayReadIsRefused) {
  make_data_directory(path);
  load_or_create_key(path, random);
  fs::permissions(path + "/noise_key", fs::perms::group_read, fs::perm_options::add);
  EXPECT_EQ(reason_of([&] { load_or_create_key(path, random); }), Reason::io);
}

TEST_F(DataDirectory, KeyOfAnotherSizeIsRefusedAndLeftAlone) {
  make_data_directory(path);
  for (size_t size : {0, 31, 33}) {
    std::ofstream(path + "/noise_key") << std::string(size, 'k');
    fs::permissions(path + "/noise_key", fs::perms::owner_read | fs::perms::owner_write);
    EXPECT_EQ(reason_of([&] { load_or_create_key(path, random); }), Reason::corrupt);
    EXPECT_EQ(fs::file_size(path + "/noise_key"), size);
  }
}

TEST_F(DataDirectory, APathTooLongForASocketIsRefused) {
  EXPECT_EQ(admin_socket_path(std::string(96, 'd')).size(), 107u);
  EXPECT_EQ(reason_of([] { admin_socket_path(std::string(97, 'd')); }), Reason::usage);
}

}  // namespace
}  // namespace qnpc::server
