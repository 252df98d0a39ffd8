;; Waits for time to pass, again and again. It does not.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "_start")
    ;; 28 is EINVAL.
    (if (i32.ne (call $poll (i32.const 0) (i32.const 65536) (i32.const 100000000) (i32.const 0)) (i32.const 28))
      (then unreachable))
    (loop $again
      (drop (call $poll (i32.const 0) (i32.const 65536) (i32.const 1000) (i32.const 131000)))
      (br $again))))
