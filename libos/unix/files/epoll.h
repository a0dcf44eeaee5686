// SPDX-License-Identifier: MIT
// Sets of files that are waited for: what closing a file must tell them.
#pragma once

struct file;

void epoll_forget(const struct file *file); // its last reference goes
