;; Names a hundred million buffers, which is refused to it; then as many as it may, all over its memory.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "_start")
    (local $at i32)
    ;; 28 is EINVAL.
    (if (i32.ne (call $write (i32.const 1) (i32.const 0) (i32.const 100000000) (i32.const 8192)) (i32.const 28))
      (then unreachable))
    (loop $next
      (i32.store (local.get $at) (i32.const 65536))
      (i32.store offset=4 (local.get $at) (i32.const 65536))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 8192))))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1024) (i32.const 8192)))
    unreachable))
