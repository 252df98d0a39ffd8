;; One long bulk operation after another: little fuel for much time.
(module
  (memory (export "memory") 16384)
  (func (export "_start")
    (loop $again
      (memory.fill (i32.const 0) (i32.const 7) (i32.const 1073741824))
      (memory.copy (i32.const 0) (i32.const 65536) (i32.const 1073676288))
      (br $again))))
