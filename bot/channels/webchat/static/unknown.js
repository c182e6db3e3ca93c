// The page of a wrong site key: it can only be closed.
import { Host } from "./host.js";

const host = new Host(["*"], { open() {}, close() {}, page() {} });
document.getElementById("close").addEventListener("click", () => host.close());
