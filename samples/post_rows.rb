# Rows to `batchpatch serve`, from a program that is not Python.
#
#   batchpatch serve --sandbox --port 8765 &
#   ruby samples/post_rows.rb http://127.0.0.1:8765

require "json"
require "net/http"

# The result of one row, once it is settled.
def patch(service, row)
  loop do
    answer = service.post("/patch", row.to_json, "Content-Type" => "application/json")
    case answer
    when Net::HTTPOK then return JSON.parse(answer.body)
    when Net::HTTPTooManyRequests, Net::HTTPServiceUnavailable # its queue is full, or it restarts
      sleep Float(answer["Retry-After"] || 1)
    else raise "#{answer.code}: #{answer.body}"
    end
  end
end

url = URI(ARGV.fetch(0, "http://127.0.0.1:8765"))
Net::HTTP.start(url.host, url.port, read_timeout: 120) do |service|
  [
    { conversationId: "3f2504e0-4f89-41d3-9a0c-0305e82c3301", purpose: "customer",
      attributes: { tier: "gold" }, id: "call-1", priority: "high" },
    { conversationId: "A91", purpose: "customer", attributes: { tier: "gold" }, id: "call-2" },
  ].each do |row|
    result = patch(service, row)
    puts [result["id"], result["outcome"], result["hint"]].compact.join(" ")
  end
end
