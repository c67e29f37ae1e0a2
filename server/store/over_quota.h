// over_quota: a refusal of `quota`, and which limit it is for, so that the writer can count it.
#pragma once

#include "qnpc/base/error.h"
#include "server/metrics.h"

namespace qnpc::server {

class OverQuota : public Error {
 public:
  OverQuota(Limit limit, const std::string& text) : Error(Reason::quota, text), limit_(limit) {}
  Limit limit() const { return limit_; }

 private:
  Limit limit_;
};

}  // namespace qnpc::server
