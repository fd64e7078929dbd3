-- What became of what customers are told is notification-service's to know: `GET /notifications?orderId=`.
drop table notices
